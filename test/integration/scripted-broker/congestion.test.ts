import { expect, setDefaultTimeout, test } from "bun:test";
import type { PublishLink } from "../../../src/broker/broker.ts";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";
import { turn } from "../../unit/doubles/turn.ts";

setDefaultTimeout(integrationTimeoutMs);

/** More than all that the two kernels and a link keep together, on any machine. */
const mostBytes = 48 * 1024 ** 2;

test("a broker that does not read is not written to without end: what waits stays in the outbox, and goes in order later", async () => {
  await using fake = await FakeAmqp.start((method, peer, channel) => {
    if (method !== "BasicPublish") return undefined;
    peer.send("BasicAck", { deliveryTag: peer.published, multiple: false }, channel);
    return "answered";
  });
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: "off",
    plainCopies: false,
    timing: defaultTiming,
  });
  fake.closeFirst(broker);
  // The broker's silence alone stops nothing here.
  const outbox = new Outbox("test", false, { stallMs: 600_000 });
  let link: PublishLink | undefined;
  const opened = outbox.opened.bind(outbox);
  outbox.opened = (next) => {
    link = next;
    opened(next);
  };
  broker.attachPublisher("wsmanager", outbox);
  broker.start(() => undefined);
  outbox.append({ body: "first", topic: "" });
  await until(() => outbox.account.confirmedCount === 1, "the link is proven");
  const [peer] = fake.peers.slice(-1);
  peer!.freeze();

  const body = "x".repeat(64 * 1024);
  let count = 0;
  const appendAll = (until: number) => {
    while (count < until) outbox.append({ body, topic: String(count++) });
  };
  // Some at a time, so that it is no more than this machine needs.
  for (; link?.isCongested !== true && count * body.length < mostBytes; await turn()) appendAll(count + 4);
  await until(() => link?.isCongested === true, "no more is written");
  const written = outbox.unconfirmed;
  appendAll(count + 100);
  await turn();
  expect(outbox.unconfirmed).toBe(written);
  expect(written).toBeLessThan(count);

  peer!.thaw();
  await until(() => outbox.isEmpty, "all is confirmed");
  expect(link!.isCongested).toBe(false);
  expect(outbox.repeatedCount).toBe(0);
  expect(peer!.bodies.length).toBe(count + 1);
});
