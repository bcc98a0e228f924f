import { afterEach, expect, test } from "bun:test";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { FakeAmqp } from "../../support/fake-amqp.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

let broker: RabbitmqBroker | undefined;
afterEach(() => broker?.close());

test("a follower of a quiet log acknowledges the little that came, so that RabbitMQ does not close its channel", async () => {
  const consumers: { channel: number; consumerTag: string }[] = [];
  let acked: unknown;
  await using fake = await FakeAmqp.start((method, _, channel, fields) => {
    if (method === "BasicConsume") consumers.push({ channel, consumerTag: String(fields["consumerTag"]) });
    if (method === "BasicAck") acked = fields["multiple"] === true && fields["deliveryTag"];
    return undefined;
  });
  broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 1000 },
    timing: { ...defaultTiming, markAfterMs: 50, closeTimeoutMs: 100 },
  });
  const records: number[] = [];
  broker.attachFollower({
    patienceMs: 0,
    record: (offset) => void records.push(offset),
    marked: () => undefined,
    missed: () => undefined,
  });
  broker.start((error) => {
    throw error;
  });
  const { channel, consumerTag } = await until(() => consumers.at(-1), "the follower");
  const peer = fake.peers.find(({ methods }) => methods.includes("BasicConsume"))!;
  for (const tag of [1, 2, 3]) peer.deliverRecord(channel, consumerTag, tag, 10 + tag);
  await until(() => acked === 3, "an ack of all");
  expect(records).toEqual([11, 12, 13]);
});

test("marks go over a connection that consumes nothing, and none while RabbitMQ blocks it", async () => {
  await using fake = await FakeAmqp.start();
  fake.script = (method, peer, channel) => {
    if (method !== "BasicPublish") return undefined;
    peer.send("BasicAck", { deliveryTag: peer.published, multiple: false }, channel);
    return "answered";
  };
  broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 1000 },
    timing: { ...defaultTiming, markAfterMs: 20, markAgainAfterMs: 20, closeTimeoutMs: 100 },
  });
  broker.attachFollower({
    patienceMs: 0,
    record: () => undefined,
    marked: () => undefined,
    missed: () => undefined,
  });
  broker.start((error) => {
    throw error;
  });
  const writing = await until(() => fake.peers.find(({ published }) => published > 0), "a mark");
  expect(writing.methods).not.toContain("BasicConsume");
  expect(fake.peers.filter(({ methods }) => methods.includes("BasicConsume"))).toHaveLength(1);
  writing.send("ConnectionBlocked", { reason: "low on memory" });
  await until(() => broker!.status().state === "blocked", "the broker to be blocked");
  const before = writing.published;
  broker.mark(() => undefined);
  // Several times as long as it takes to find the log silent.
  await Bun.sleep(300);
  expect({ published: writing.published, connections: fake.peers.length }).toEqual({
    published: before,
    connections: 2,
  });
  writing.send("ConnectionUnblocked", {});
  await until(() => writing.published > before, "a mark again");
  expect(broker.status().state).toBe("ready");
});

test.each([
  { oldest: 0, missed: "another log" },
  { oldest: 14, missed: "dropped" },
])(
  "after an outage the record seen last is not there, and the oldest is $oldest: $missed",
  async ({ oldest, missed }) => {
    const shownTo = new Map<unknown, number[]>();
    await using fake = await FakeAmqp.start();
    fake.script = (method, peer, channel, fields) => {
      if (method !== "BasicConsume") return undefined;
      const start = (fields["arguments"] as Record<string, unknown>)["x-stream-offset"];
      peer.answer(method, channel, fields);
      const shown = shownTo.get(start) ?? [];
      for (const [index, offset] of shown.entries())
        peer.deliverRecord(channel, String(fields["consumerTag"]), index + 1, offset);
      return "answered";
    };
    shownTo.set("next", [11, 12, 13]);
    broker = new RabbitmqBroker({
      urls: [fake.url],
      name: "test",
      logger: new RecordingLogger(),
      logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 1000 },
      timing: { ...defaultTiming, closeTimeoutMs: 100 },
    });
    const heard: unknown[] = [];
    broker.attachFollower({
      patienceMs: 0,
      record: (offset) => void heard.push(offset),
      marked: () => undefined,
      missed: (why) => void heard.push(why),
    });
    broker.start((error) => {
      throw error;
    });
    await until(() => heard.length === 3, "the first records");
    shownTo.clear();
    // RabbitMQ shows nothing at 13, but what comes after it.
    shownTo.set(13, [14, 15]);
    shownTo.set("first", [oldest, oldest + 1]);
    for (const peer of [...fake.peers]) peer.end();
    await until(() => heard.length === 6, "what comes after the outage");
    expect(heard).toEqual([11, 12, 13, missed, oldest, oldest + 1]);
  },
);
