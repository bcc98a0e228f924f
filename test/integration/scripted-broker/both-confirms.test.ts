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

const ack = ({ peer, channel, deliveryTag }: Published) =>
  peer.send("BasicAck", { deliveryTag, multiple: false }, channel);

/** A publisher whose link to a scripted RabbitMQ has passed its trial, and what it has published. `acks` decides what is confirmed at once. */
async function provenLink() {
  const published: Published[] = [];
  const fake = await FakeAmqp.start((method, peer, channel, { exchange }) => {
    if (method !== "BasicPublish") return undefined;
    const one = { exchange, deliveryTag: peer.published, peer, channel };
    published.push(one);
    if (link.acks(one)) ack(one);
    return "answered";
  });
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: new RecordingLogger(),
    logRetention: "off",
    timing: defaultTiming,
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
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
  broker.start(() => undefined);
  append("proves the link");
  await until(() => receipts.length === 1, "the link is proven");
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
