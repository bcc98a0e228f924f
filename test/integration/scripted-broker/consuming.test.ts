import { expect, test } from "bun:test";
import type { ConsumeSession } from "../../../src/broker/broker.ts";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { FakeAmqp, type FakePeer } from "../../support/fake-amqp.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";

/** A consumer on a scripted queue, which delivers when the test says. */
async function consuming(fake: FakeAmqp) {
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: "off",
    timing: { ...defaultTiming, closeTimeoutMs: 100, backoff: { firstMs: 10, mostMs: 50 } },
  });
  fake.closeFirst(broker);
  const delivered: string[] = [];
  let session: ConsumeSession | undefined;
  broker.attachConsumer("g", 100, {
    opened: (next) => {
      session = next;
    },
    deliver: (tag, { body }, returns) => void delivered.push(`${tag} ${body.toString()} ${returns}`),
    closed: () => undefined,
  });
  broker.start((error) => {
    throw error;
  });
  const peer = await until(
    () => fake.peers.find(({ methods }) => methods.includes("BasicConsume")),
    "a consumer",
  );
  // What is asked for before RabbitMQ's answer is done after it, or not at all.
  await until(() => broker.status().state === "ready", "the consumer to be in force");
  return { peer, delivered, session: session! };
}

/** What was asked of the peer that has to do with consuming, in order. */
const asked = ({ methods }: FakePeer) =>
  methods.filter((method) => /^Basic(Consume|Cancel|Ack)$/.test(method)).map((method) => method.slice(5));

/** Remembers on which channel and with which tag the last consumer was. */
function watched() {
  const last = { channel: 0, consumerTag: "" };
  const script = (
    method: string,
    _: FakePeer,
    channel: number,
    fields: Readonly<Record<string, unknown>>,
  ) => {
    if (method === "BasicConsume") Object.assign(last, { channel, consumerTag: fields["consumerTag"] });
    return undefined;
  };
  return { last, script };
}

test.concurrent("a session takes the whole prefetch, and says how often messages came back", async () => {
  const { last, script } = watched();
  await using fake = await FakeAmqp.start(script);
  const { peer, delivered, session } = await consuming(fake);
  for (const count of [2, 1, 0, 5]) {
    peer.deliver(last.channel, last.consumerTag, delivered.length + 1, `after ${count}`, count);
    await until(() => delivered.length > 0 && delivered.at(-1)!.includes(`after ${count}`), "the delivery");
  }
  expect(delivered).toEqual(["1 after 2 2", "2 after 1 1", "3 after 0 0", "4 after 5 5"]);
  session.ack(4, true);
  await until(() => asked(peer).length === 2, "the ack");
  expect(asked(peer)).toEqual(["Consume", "Ack"]);
});

test.concurrent("more is taken by another consumer on the same channel, after the one before is cancelled", async () => {
  const { last, script } = watched();
  await using fake = await FakeAmqp.start(script);
  const { peer, delivered, session } = await consuming(fake);
  const first = last.consumerTag;
  session.take(50);
  session.take(70);
  await until(() => asked(peer).length >= 3, "another consumer");
  expect(asked(peer).slice(0, 3)).toEqual(["Consume", "Cancel", "Consume"]);
  expect(last.consumerTag).not.toBe(first);
  peer.deliver(last.channel, last.consumerTag, 1, "hello", 0);
  await until(() => delivered.length === 1, "its delivery");
});

test.concurrent("a pause is a cancelled consumer, and what is on its way still comes", async () => {
  const { last, script } = watched();
  await using fake = await FakeAmqp.start(script);
  const { peer, delivered, session } = await consuming(fake);
  session.take(0);
  peer.deliver(last.channel, last.consumerTag, 1, "late", 0);
  await until(() => delivered.length === 1, "the delivery");
  await until(() => asked(peer).length >= 2, "the pause");
  expect(asked(peer)).toEqual(["Consume", "Cancel"]);
  session.take(10);
  await until(() => asked(peer).length === 3, "another consumer");
});

test.concurrent("a session that is stopped takes nothing, whatever it was asked for", async () => {
  const { last, script } = watched();
  await using fake = await FakeAmqp.start(script);
  const { peer, delivered, session } = await consuming(fake);
  session.take(10);
  session.stop();
  session.take(10);
  peer.deliver(last.channel, last.consumerTag, 1, "late", 0);
  await until(() => asked(peer).includes("Cancel"), "the consumer to be cancelled");
  await until(
    () => asked(peer).filter((one) => one === "Cancel").length === asked(peer).length / 2,
    "the end",
  );
  expect(delivered).toEqual([]);
});
