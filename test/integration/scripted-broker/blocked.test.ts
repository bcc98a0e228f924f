import { expect, setDefaultTimeout, test } from "bun:test";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { seal } from "../../../src/envelope/envelope.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

test("a channel that opens on a connection from which RabbitMQ reads nothing is blocked from its beginning", async () => {
  const replyText = "PRECONDITION_FAILED - invalid message";
  await using fake = await FakeAmqp.start((method, peer, channel) => {
    if (method !== "BasicPublish") return undefined;
    peer.send("ConnectionBlocked", { reason: "low on memory" });
    peer.send("ChannelClose", { replyCode: 406, replyText, classId: 60, methodId: 40 }, channel);
    return "answered";
  });
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 },
    plainCopies: false,
  });
  fake.closeFirst(broker);
  const seen: string[] = [];
  broker.attachPublisher("wsmanager", {
    waitingCount: 0,
    opened: (link) => {
      seen.push("opened");
      if (seen.length === 1) link.send([seal({ body: "x", topic: "t" }, "id-1", "test", 1)]);
    },
    confirmed: () => void seen.push("confirmed"),
    refused: () => void seen.push("refused"),
    blocked: (isBlocked) => void seen.push(`blocked ${isBlocked}`),
    closed: () => void seen.push("closed"),
  });
  broker.start((error) => seen.push(`fatal: ${error.message}`));
  await until(() => seen.length >= 5, "the second channel to be open, and blocked");
  expect(seen).toEqual(["opened", "blocked true", "closed", "opened", "blocked true"]);
  fake.peers[0]!.send("ConnectionUnblocked", {});
  await until(() => seen.length >= 6, "the end of the alarm");
  expect(seen.at(-1)).toBe("blocked false");
});
