import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "amqplib";
import { defaultTiming, type LinkTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { abandon, closeChannel, innards } from "../../../src/broker/rabbitmq/frames/innards.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type Script } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until, within } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

function brokerOn(fake: FakeAmqp, timing: Partial<LinkTiming>): RabbitmqBroker {
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 },
    timing: { ...defaultTiming, closeTimeoutMs: 20, backoff: { firstMs: 5, mostMs: 20 }, ...timing },
  });
  fake.closeFirst(broker);
  return broker;
}

async function ready(broker: RabbitmqBroker): Promise<void> {
  broker.start((error) => {
    throw error;
  });
  await until(() => broker.status().state === "ready", "every link to be open", integrationTimeoutMs / 2);
}

const handler = { opened: () => undefined, deliver: () => undefined, closed: () => undefined };

test("a question is over when its connection is given up, although the peer has not read what was written to it", async () => {
  await using fake = await FakeAmqp.start();
  const connection = await connect(fake.url);
  connection.on("error", () => undefined);
  const channel = await connection.createChannel();
  channel.on("error", () => undefined);
  fake.peers[0]!.freeze();
  // More than the socket's buffers hold.
  innards(connection).stream.write(Buffer.alloc(32 * 1024 ** 2));
  const asked = channel.checkExchange("x");
  abandon(connection, new Error("given up"));
  expect(await within(asked.catch(String), "the question to be over")).toContain(
    "no reply will be forthcoming",
  );
});

test("closing a channel is over when its connection is, although RabbitMQ has not answered", async () => {
  await using fake = await FakeAmqp.start((method) => (method === "ChannelClose" ? "answered" : undefined));
  const connection = await connect(fake.url);
  connection.on("error", () => undefined);
  const closed = closeChannel(await connection.createChannel());
  await until(() => fake.peers[0]!.methods.includes("ChannelClose"), "the channel's close");
  fake.peers[0]!.end();
  await within(closed, "the channel to be closed");
});

test("a link opens on a RabbitMQ that answers each question in time, however many there are", async () => {
  await using fake = await FakeAmqp.start();
  const answerMs = 15;
  const late: Script = (method, peer, channel, fields) => {
    if (method === "ProtocolHeader") return undefined;
    setTimeout(() => peer.answer(method, channel, fields), answerMs);
    return "answered";
  };
  fake.script = late;
  // What it asks takes several times as long in all.
  const broker = brokerOn(fake, { openTimeoutMs: 20 * answerMs, missedForMs: 0 });
  broker.attachPublisher("wsmanager", new Outbox("test", true));
  await ready(broker);
  expect(fake.peers[0]!.methods.length).toBeGreaterThan(25);
});

test("a link is rebuilt when RabbitMQ leaves a question unanswered on a connection that is alive", async () => {
  await using fake = await FakeAmqp.start();
  const broker = brokerOn(fake, { answerTimeoutMs: 80 });
  broker.attachConsumer("group", 10, handler);
  await ready(broker);
  const silent = fake.peers[0]!;
  fake.script = (method, peer, _, fields) => {
    if (method !== "QueueDeclare" || fields["passive"] !== true) return undefined;
    if (peer === silent) return "answered";
    peer.send("QueueDeclareOk", { queue: fields["queue"], messageCount: 7, consumerCount: 1 }, _);
    return "answered";
  };
  await until(() => broker.queuedIn("group") === 7, "how many messages wait");
  expect(fake.peers.length).toBe(2);
});

test("a link is left alone while RabbitMQ takes no messages, and so reads no questions", async () => {
  await using fake = await FakeAmqp.start();
  const broker = brokerOn(fake, { answerTimeoutMs: 40 });
  broker.attachPublisher("wsmanager", new Outbox("test", true));
  await ready(broker);
  const peer = fake.peers[0]!;
  peer.send("ConnectionBlocked", { reason: "low on memory" });
  await until(() => broker.status().state === "blocked", "the link to be blocked");
  let unanswered = 0;
  fake.script = (method, _, __, fields) => {
    const isQuestion = method === "ExchangeDeclare" && fields["nowait"] !== true;
    if (isQuestion) unanswered++;
    return isQuestion ? "answered" : undefined;
  };
  await until(() => unanswered > 0, "a question");
  // Several times as long as an answer may take otherwise.
  await Bun.sleep(300);
  expect({ connections: fake.peers.length, status: broker.status().state }).toEqual({
    connections: 1,
    status: "blocked",
  });
});
