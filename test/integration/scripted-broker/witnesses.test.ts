import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "amqplib";
import { Life } from "../../../src/broker/rabbitmq/connection/life.ts";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { FrameReader } from "../../../src/broker/rabbitmq/frames/frame-reader.ts";
import { Witnesses } from "../../../src/broker/rabbitmq/publishing/witnesses.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type FakePeer, type Script } from "../../support/fake-amqp.ts";
import { FakeTopology } from "../../support/fake-topology.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";
import { onConfirmed } from "../../unit/doubles/waiter.ts";

setDefaultTimeout(integrationTimeoutMs);

const groupQueue = "wsmanager.shop";
const innerExchange = "wsmanager.queues";
const witness = /^wsmanager\.shop\.witness-\d+$/;

/** A publish that a peer has read. */
interface Published {
  readonly deliveryTag: number;
  readonly peer: FakePeer;
  readonly channel: number;
}

/** A manager that also processes, whose first message is published and confirmed. `acks` decides what is confirmed at once. */
async function started(over: Script = () => undefined) {
  const published: Published[] = [];
  const ack = ({ peer, channel, deliveryTag }: Published) =>
    peer.send("BasicAck", { deliveryTag, multiple: false }, channel);
  const topology = new FakeTopology((method, peer, channel, fields) => {
    if (method !== "BasicPublish") return over(method, peer, channel, fields);
    const one = { deliveryTag: peer.published, peer, channel };
    published.push(one);
    if (manager.acks) ack(one);
    return "answered";
  });
  const fake = await FakeAmqp.start(topology.script);
  const logger = new RecordingLogger();
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger,
    logRetention: "off",
    plainCopies: false,
    timing: { ...defaultTiming, backoff: { firstMs: 1, mostMs: 5 }, missedForMs: 10 },
  });
  fake.closeFirst(broker);
  const outbox = new Outbox("test", false, { stallMs: 600_000 });
  const quiet = () => undefined;
  broker.attachPublisher("wsmanager", outbox);
  broker.attachConsumer("shop", 10, { opened: quiet, deliver: quiet, closed: quiet });
  const receipts: string[] = [];
  const append = (body: string) =>
    outbox.append(
      { body, topic: "t" },
      onConfirmed(() => void receipts.push(body)),
    );
  const manager = {
    ...{ fake, topology, logger, outbox, published, receipts, append, ack },
    acks: true,
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
  broker.start((error) => {
    throw error;
  });
  append("first");
  await until(() => receipts.length === 1, "the first message to be confirmed");
  published.length = 0;
  return manager;
}

/** The witnesses of a queue or an exchange that were declared. */
const declaredIn = ({ done }: FakeTopology, of = groupQueue) =>
  done.filter(
    ({ method, name }) =>
      method === "ExchangeDeclare" && name.startsWith(`${of}.`) && /witness-\d+$/.test(name),
  );

const kinds = [
  ["a group's queue", "queue", groupQueue],
  ["the inner exchange", "exchange", innerExchange],
] as const;

describe.concurrent.each(kinds)(
  "%s that was deleted and is there again when a manager asks for it",
  (_, kind, name) => {
    test("has not passed on what was confirmed before, which is published again before its receipt", async () => {
      await using manager = await started();
      const { topology, published, receipts, append, ack, outbox } = manager;
      manager.acks = false;
      append("gone");
      const gone = await until(() => published[0], "the message");
      topology.replace(name);
      ack(gone);
      const again = await until(() => published[1], "the message once more");
      expect(again.peer).not.toBe(gone.peer);
      expect(receipts).toEqual(["first"]);
      expect(outbox.repeatedCount).toBe(1);
      ack(again);
      await until(() => receipts.length === 2, "the receipt");
    });

    test("is noticed while nothing is published, and named in plain words", async () => {
      await using manager = await started();
      const { topology, fake, logger } = manager;
      const declared = () => declaredIn(topology, name).length;
      const before = declared();
      topology.replace(name);
      await until(() => fake.peers.some(({ hasEnded }) => hasEnded), "the connection to be given up");
      await until(() => logger.lines.length > 0 && declared() === before + 1, "a new witness");
      expect(JSON.stringify(logger.lines)).toContain(
        `the ${kind} ${name} is missing: declaring it again, unless`,
      );
    });
  },
);

describe.concurrent("the witness of a queue", () => {
  test("goes with the queue, can be published to by nobody, and is declared once on a connection", async () => {
    const fields: Readonly<Record<string, unknown>>[] = [];
    await using manager = await started((method, _, __, its) => {
      if (method === "ExchangeDeclare" && witness.test(String(its["exchange"])) && its["passive"] === false)
        fields.push(its);
      return undefined;
    });
    manager.append("second");
    await until(() => manager.receipts.length === 2, "a receipt");
    expect(fields.length).toBe(1);
    expect(fields[0]).toMatchObject({ autoDelete: true, durable: true, internal: true });
  });

  test("has the name of a slot that no other connection has", async () => {
    const asked: string[] = [];
    await using manager = await started((method, peer, channel, { queue, passive }) => {
      const slot = /^towsmanager\.witness-(\d+)$/.exec(String(queue))?.[1];
      if (method !== "QueueDeclare" || slot === undefined || passive === true) return undefined;
      asked.push(slot);
      if (asked.length > 2) return undefined;
      const replyText = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue";
      peer.send("ChannelClose", { replyCode: 405, replyText, classId: 50, methodId: 10 }, channel);
      return "answered";
    });
    expect(asked.length).toBe(3);
    const names = declaredIn(manager.topology).map(({ name }) => name);
    expect(names.at(-1)).toBe(`${groupQueue}.witness-${asked.at(-1)}`);
    expect(manager.fake.peers.every(({ hasEnded }) => !hasEnded)).toBe(true);
  });

  test("of a queue that is new to a connection is asked for when it is there, and others are not declared again", async () => {
    const topology = new FakeTopology();
    await using fake = await FakeAmqp.start(topology.script);
    const connection = await connect(fake.url);
    fake.closeFirst(connection);
    const life = new Life(connection, new FrameReader(connection), (why) => {
      throw new Error(String(why));
    });
    const witnesses = await new Witnesses(new RecordingLogger(), () => 0).open(life, ["old"], []);
    const needed = { exchanges: ["outer"], queues: ["old", "new"] } as const;
    expect(witnesses.with(needed).exchanges).toEqual(["outer", "old.witness-1"]);
    await until(() => witnesses.with(needed).exchanges.length === 3, "the new one");
    expect(witnesses.with(needed)).toBe(witnesses.with(needed));
    expect(witnesses.with(needed).exchanges).toEqual(["outer", "old.witness-1", "new.witness-1"]);
    const names = topology.done.filter(({ method }) => method === "ExchangeDeclare").map(({ name }) => name);
    expect(names).toEqual(["old.witness-1", "new.witness-1"]);
  });

  test("is there, and its queue bound, before anything is published, also if the queue went just before", async () => {
    const bound = new Map<FakePeer, string[]>();
    let refusedCount = 0;
    await using manager = await started((method, peer, channel, { queue, exchange }) => {
      if (method !== "QueueBind" || queue !== groupQueue) return undefined;
      if (!witness.test(String(exchange)) || refusedCount > 0) {
        bound.set(peer, [...(bound.get(peer) ?? []), String(exchange)]);
        return undefined;
      }
      refusedCount++;
      const replyText = `NOT_FOUND - no queue '${groupQueue}' in vhost '/'`;
      peer.send("ChannelClose", { replyCode: 404, replyText, classId: 50, methodId: 20 }, channel);
      return "answered";
    });
    expect(refusedCount).toBe(1);
    const publishing = manager.fake.peers.filter(({ published }) => published > 0);
    expect(publishing.length).toBe(1);
    // Once more after its witness: whoever declared the queue anew meanwhile may not have bound it yet.
    const order = bound.get(publishing[0]!)!.slice(-2);
    expect(order[0]).toMatch(witness);
    expect(order[1]).toBe("wsmanager.queues");
  });

  test("is done without, with a warning, if RabbitMQ does not allow it", async () => {
    await using manager = await started((method, peer, channel, { exchange, passive }) => {
      if (method !== "ExchangeDeclare" || !witness.test(String(exchange)) || passive === true)
        return undefined;
      const replyText = "ACCESS_REFUSED - access to exchange refused";
      peer.send("ChannelClose", { replyCode: 403, replyText, classId: 40, methodId: 10 }, channel);
      return "answered";
    });
    manager.append("second");
    await until(() => manager.receipts.length === 2, "a receipt");
    expect(JSON.stringify(manager.logger.lines)).toContain("ACCESS_REFUSED");
  });
});
