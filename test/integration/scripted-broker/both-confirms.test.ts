import { expect, setDefaultTimeout, test } from "bun:test";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type FakePeer } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";
import { RecordingLogger } from "../../unit/doubles/recording-logger.ts";
import { onConfirmed } from "../../unit/doubles/waiter.ts";

setDefaultTimeout(integrationTimeoutMs);

/** A publish that a peer has read. */
interface Published {
  readonly exchange: unknown;
  readonly deliveryTag: number;
  readonly peer: FakePeer;
  readonly channel: number;
}

const answer = ({ peer, channel, deliveryTag }: Published, method: "BasicAck" | "BasicNack") =>
  peer.send(method, { deliveryTag, multiple: false }, channel);
const ack = (one: Published) => answer(one, "BasicAck");

/** A publisher with a link to a scripted RabbitMQ, and what it has published. `acks` decides what is confirmed at once, and `refuses` what is refused. */
async function publisherTo() {
  const published: Published[] = [];
  const tags = new Map<FakePeer, Map<number, number>>();
  const fake = await FakeAmqp.start((method, peer, channel, { exchange }) => {
    const onPeer = tags.get(peer) ?? new Map<number, number>();
    tags.set(peer, onPeer);
    if (method === "ChannelOpen") onPeer.delete(channel);
    if (method !== "BasicPublish") return undefined;
    const deliveryTag = (onPeer.get(channel) ?? 0) + 1;
    onPeer.set(channel, deliveryTag);
    const one = { exchange, deliveryTag, peer, channel };
    published.push(one);
    if (link.refuses(one)) answer(one, "BasicNack");
    else if (link.acks(one)) ack(one);
    return "answered";
  });
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: "off",
    timing: {
      ...defaultTiming,
      backoff: { firstMs: 1, mostMs: 5 },
      fullQueue: { lookEveryMs: 5, tryFirstMs: 50, calmMs: 50 },
    },
  });
  fake.closeFirst(broker);
  const outbox = new Outbox("test", true, { stallMs: 600_000 });
  broker.attachPublisher("wsmanager", outbox);
  const receipts: string[] = [];
  const append = (body: string) =>
    outbox.append(
      { body, topic: "t" },
      onConfirmed(() => void receipts.push(body)),
    );
  const link = {
    ...{ fake, outbox, published, receipts, append },
    acks: (_: Published): boolean => true,
    refuses: (_: Published): boolean => false,
    start: () => broker.start(() => undefined),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
  return link;
}

/** The same, and the link has passed its trial. */
async function provenLink() {
  const link = await publisherTo();
  link.start();
  link.append("proves the link");
  await until(() => link.receipts.length === 1, "the link is proven");
  return link;
}

test.each([
  ["wsmanager", "wsmanager.packed"],
  ["wsmanager.packed", "wsmanager"],
])(
  "a message has its receipt when both of its confirms are there, and not while RabbitMQ stands still after that of %s",
  async (first, second) => {
    await using proven = await provenLink();
    const { published, receipts, append, outbox } = proven;
    proven.acks = () => false;
    published.length = 0;
    append("held");
    await until(() => published.length === 2, "the message and its copy");
    const of = (exchange: string) => published.find((one) => one.exchange === exchange)!;
    ack(of(first));
    // That it was read is known by the receipt of what was confirmed after it.
    proven.acks = () => true;
    append("later");
    await until(() => receipts.length === 2, "the receipt of a later message");
    const { peer } = of(first);
    peer.freeze();
    expect(receipts).toEqual(["proves the link", "later"]);

    peer.thaw();
    ack(of(second));
    await until(() => receipts.length === 3, "the receipt");
    expect(receipts.at(-1)).toBe("held");
    expect(outbox.repeatedCount).toBe(0);
  },
);

test.each<{ readonly taken: string; readonly again: string[] }>([
  { taken: "wsmanager.packed", again: ["wsmanager", "wsmanager.packed"] },
  { taken: "wsmanager", again: ["wsmanager.packed"] },
])(
  "a message of which only $taken had taken its part when the connection was lost goes to $again, since queues may have gone",
  async ({ taken, again }) => {
    await using proven = await provenLink();
    const { fake, published, receipts, append } = proven;
    proven.acks = ({ exchange }) => exchange === taken;
    published.length = 0;
    append("half taken");
    await until(() => published.length === 2, "the message and its copy");
    // That its first confirm counts is known by the receipt of what was confirmed after it.
    proven.acks = () => true;
    append("later");
    await until(() => receipts.length === 2, "the receipt of a later message");
    published.length = 0;
    for (const peer of [...fake.peers]) peer.end();
    await until(() => receipts.length === 3, "the receipt");
    expect(published.map(({ exchange }) => exchange)).toEqual(again);
  },
);

test.each(["the first message on a connection", "a later message"])(
  "%s of which only the copy is refused goes to Warren's own queues once, over one connection, however long that lasts",
  async (which) => {
    await using publisher = await (which === "a later message" ? provenLink() : publisherTo());
    const { published, receipts, append, start } = publisher;
    const before = receipts.length;
    published.length = 0;
    publisher.refuses = ({ exchange }) => exchange === "wsmanager";
    if (before === 0) start();
    append("half taken");
    append("second");
    const to = (exchange: string) => published.filter((one) => one.exchange === exchange);
    // On the first channel, on the second, and after waits for room.
    await until(() => to("wsmanager").length > 6, "the copy is tried again");
    expect(receipts.length).toBe(before);
    publisher.refuses = () => false;
    await until(() => receipts.length === before + 2, "the receipts");
    append("third");
    await until(() => receipts.length === before + 3, "the last receipt");
    // The first two may be in one pack.
    const packs = publisher.outbox.account.envelopeCount - publisher.outbox.repeatedCount;
    expect(to("wsmanager.packed").length).toBe(packs - before);
    expect(new Set(published.map(({ peer }) => peer)).size).toBe(1);
  },
);

test("a message whose own part is refused is tried over another connection, and its copy, which was taken, is not published again", async () => {
  await using publisher = await provenLink();
  const { published, receipts, append } = publisher;
  published.length = 0;
  publisher.refuses = ({ exchange }) => exchange === "wsmanager.packed";
  append("half taken");
  await until(() => new Set(published.map(({ peer }) => peer)).size > 1, "another connection");
  publisher.refuses = () => false;
  await until(() => receipts.length === 2, "the receipt");
  expect(published.filter(({ exchange }) => exchange === "wsmanager").length).toBe(1);
});
