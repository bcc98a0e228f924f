import { afterEach, expect, test } from "bun:test";
import type { ConsumeSession } from "../../../../src/broker/broker.ts";
import { defaultTiming } from "../../../../src/broker/rabbitmq/link.ts";
import { RabbitmqBroker } from "../../../../src/broker/rabbitmq/rabbitmq.ts";
import { FakeAmqp, type FakePeer } from "../../../support/fake-amqp.ts";
import { until } from "../../../support/wait.ts";
import { RecordingLog } from "../../doubles/recording-log.ts";

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((broker) => broker.close()));
});

/** A consumer on a scripted queue, which delivers when the test says. */
async function consuming(fake: FakeAmqp) {
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    log: new RecordingLog(),
    logRetention: "off",
    timing: { ...defaultTiming, closeTimeoutMs: 100, backoff: { firstMs: 10, mostMs: 50 } },
  });
  opened.push(broker);
  const delivered: string[] = [];
  let session: ConsumeSession | undefined;
  broker.consume("g", 100, {
    opened: (next) => {
      session = next;
    },
    deliver: (tag, { body }, isSuspect) =>
      void delivered.push(`${tag} ${body.toString()}${isSuspect ? " suspect" : ""}`),
    closed: () => undefined,
  });
  broker.start((error) => {
    throw error;
  });
  const peer = await until(
    () => fake.peers.find(({ methods }) => methods.includes("BasicConsume")),
    "a consumer",
  );
  return { peer, delivered, ack: (tag: number) => session!.ack(tag, true) };
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

test("a session takes the whole prefetch, and says which messages come for the third time or more", async () => {
  const { last, script } = watched();
  await using fake = await FakeAmqp.start(script);
  const { peer, delivered, ack } = await consuming(fake);
  for (const count of [2, 1, 0, 5]) {
    peer.deliver(last.channel, last.consumerTag, delivered.length + 1, `after ${count}`, count);
    await until(() => delivered.length > 0 && delivered.at(-1)!.includes(`after ${count}`), "the delivery");
  }
  expect(delivered).toEqual(["1 after 2 suspect", "2 after 1", "3 after 0", "4 after 5 suspect"]);
  ack(4);
  await until(() => asked(peer).length === 2, "the ack");
  expect(asked(peer)).toEqual(["Consume", "Ack"]);
});
