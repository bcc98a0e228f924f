import { expect, setDefaultTimeout, test } from "bun:test";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type FakePeer, type Script } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const quiet = () => undefined;

/** Dead letters for a scripted peer, from this many outboxes over one connection. */
function publishersTo(fake: FakeAmqp, count: number) {
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: { wants: () => false, debug: quiet, info: quiet, warn: quiet, error: quiet },
    logRetention: "off",
    timing: {
      ...defaultTiming,
      backoff: { firstMs: 1, mostMs: 5 },
      fullQueue: { lookEveryMs: 5, tryFirstMs: 50, calmMs: 50 },
    },
  });
  fake.closeFirst(broker);
  const outboxes = Array.from({ length: count }, (_, index) => new Outbox(`test-${index}`, false));
  for (const outbox of outboxes) {
    broker.attachPublisher("wsmanager.dead", outbox);
    outbox.append({ body: "letter", topic: "a" });
  }
  broker.start(quiet);
  return outboxes;
}

/** A broker whose queue is full until it is told otherwise. */
class FullBroker {
  isFull = true;
  /** How many messages it has refused on each connection. */
  readonly refusals = new Map<FakePeer, number>();
  /** The connections on which it was asked for its length after it had refused something. */
  readonly lookedOn = new Set<FakePeer>();
  readonly #published = new Map<FakePeer, Map<number, number>>();

  readonly script: Script = (method, peer, channel) => {
    if (method === "QueueDeclare" && this.refusals.has(peer)) this.lookedOn.add(peer);
    const tags = this.#published.get(peer) ?? new Map<number, number>();
    this.#published.set(peer, tags);
    if (method === "ChannelOpen") tags.delete(channel);
    if (method !== "BasicPublish") return undefined;
    const deliveryTag = (tags.get(channel) ?? 0) + 1;
    tags.set(channel, deliveryTag);
    if (this.isFull) this.refusals.set(peer, this.refusalsOn(peer) + 1);
    peer.send(this.isFull ? "BasicNack" : "BasicAck", { deliveryTag, multiple: false }, channel);
    return "answered";
  };

  refusalsOn(peer: FakePeer | undefined): number {
    return peer === undefined ? 0 : (this.refusals.get(peer) ?? 0);
  }
}

test.concurrent("what a full queue refused is published when there is room, also where the connection was lost while it was full", async () => {
  const full = new FullBroker();
  await using fake = await FakeAmqp.start(full.script);
  const [outbox] = publishersTo(fake, 1);
  await until(() => full.lookedOn.has(fake.peers[1]!), "it is refused on a second connection");
  // What waits for room there waits for some time after the loss.
  fake.peers[1]!.end();
  await until(() => full.refusalsOn(fake.peers[2]) > 0, "it is refused on a third one");
  full.isFull = false;
  await until(() => outbox!.isEmpty, "it is confirmed");
});

test.concurrent("what several publishers of one connection had refused is published when there is room, of each of them", async () => {
  const full = new FullBroker();
  await using fake = await FakeAmqp.start(full.script);
  const outboxes = publishersTo(fake, 2);
  await until(() => full.refusalsOn(fake.peers[1]) > 1, "both are refused on a second connection");
  full.isFull = false;
  await until(() => outboxes.every(({ isEmpty }) => isEmpty), "both are confirmed");
  expect(fake.peers.length).toBe(2);
});
