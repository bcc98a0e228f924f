import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { defaultTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type FakePeer, type Script } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const timing = {
  ...defaultTiming,
  openTimeoutMs: 20_000,
  closeTimeoutMs: 2000,
  backoff: { firstMs: 1, mostMs: 5 },
};

/** What comes of the messages that are published to a scripted peer. */
function publisherTo(fake: FakeAmqp) {
  const quiet = () => undefined;
  const logger = { wants: () => false, debug: quiet, info: quiet, warn: quiet, error: quiet };
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger,
    logRetention: "off",
    plainCopies: false,
    timing,
  });
  fake.closeFirst(broker);
  const outbox = new Outbox("test", false);
  const confirmed: string[] = [];
  const setAside: string[] = [];
  broker.attachPublisher("wsmanager", outbox);
  broker.start(quiet);
  const append = (topic: string) =>
    outbox.append(
      { body: "", topic },
      {
        confirmed: () => void confirmed.push(topic),
        setAside: (why) => void setAside.push(`${topic}: ${why}`),
      },
    );
  return { outbox, append, confirmed, setAside };
}

/** Returns whether the peer listens to nothing more. */
type Act = (peer: FakePeer, channel: number) => boolean;

/** A broker that confirms what it gets, but does something else about topics that begin with "bad". */
function doing(act: Act): Script {
  const closing = new Map<FakePeer, number>();
  return (method, peer, channel, { routingKey }) => {
    if (method === "ChannelOpen") {
      closing.delete(peer);
      peer.published = 0;
    }
    // As RabbitMQ, it answers nothing on a channel that it has closed; an answer there would cost the connection.
    if (closing.get(peer) === channel) return "answered";
    if (method !== "BasicPublish") return undefined;
    if (String(routingKey).startsWith("bad")) {
      if (act(peer, channel)) closing.set(peer, channel);
    } else peer.send("BasicAck", { deliveryTag: peer.published, multiple: false }, channel);
    return "answered";
  };
}

const closingChannel =
  (replyCode: number): Act =>
  (peer, channel) => {
    peer.send("ChannelClose", { replyCode, replyText: "NO", classId: 60, methodId: 40 }, channel);
    return true;
  };
const closingConnection =
  (replyCode: number): Act =>
  (peer) => {
    peer.send("ConnectionClose", { replyCode, replyText: "NO", classId: 0, methodId: 0 });
    return true;
  };

/** Acts so often, and takes everything then. */
function atFirst(times: number, act: Act): Act {
  let count = 0;
  return (peer, channel) => {
    if (++count <= times) return act(peer, channel);
    peer.send("BasicAck", { deliveryTag: peer.published, multiple: false }, channel);
    return false;
  };
}

describe.concurrent("a message that RabbitMQ closes the channel over", () => {
  test.each([311, 406, 540])(
    "with %p is set aside at the second time, over the same connection",
    async (code) => {
      await using fake = await FakeAmqp.start(doing(closingChannel(code)));
      const { outbox, append, confirmed, setAside } = publisherTo(fake);
      for (const topic of ["one", "two", "bad", "three", "four"]) append(topic);
      await until(() => outbox.isEmpty, "all are settled");
      expect(confirmed).toEqual(["one", "two", "three", "four"]);
      expect(setAside).toEqual([expect.stringMatching(new RegExp(`^bad: RabbitMQ refuses it: .*${code}`))]);
      expect(fake.peers.length).toBe(1);
    },
  );

  test("with 541, its own failure, is set aside over connections of its own", async () => {
    await using fake = await FakeAmqp.start(doing(closingChannel(541)));
    const { outbox, append, confirmed, setAside } = publisherTo(fake);
    for (const topic of ["one", "bad", "three"]) append(topic);
    await until(() => outbox.isEmpty, "all are settled");
    expect(confirmed).toEqual(["one", "three"]);
    expect(setAside.length).toBe(1);
    expect(fake.peers.length).toBeGreaterThan(2);
  });

  test.each(Object.entries({ channel: closingChannel(541), connection: closingConnection(541) }))(
    "with 541 for a while, as when a queue is deleted, is no culprit, whether the %s ends",
    async (_, close) => {
      await using fake = await FakeAmqp.start(doing(atFirst(5, close)));
      const { outbox, append, confirmed, setAside } = publisherTo(fake);
      for (const topic of ["bad one", "bad two"]) append(topic);
      await until(() => outbox.isEmpty, "all are settled");
      expect({ confirmed, setAside }).toEqual({ confirmed: ["bad one", "bad two"], setAside: [] });
      expect(fake.peers.length).toBe(6);
    },
  );

  test("and many of them leave a connection that goes on", async () => {
    await using fake = await FakeAmqp.start(doing(closingChannel(406)));
    const { outbox, append, confirmed, setAside } = publisherTo(fake);
    for (let index = 0; index < 30; index++)
      for (const topic of [`bad ${index}`, `good ${index}`]) append(topic);
    await until(() => outbox.isEmpty, "all are settled");
    expect(confirmed).toEqual(Array.from({ length: 30 }, (_, index) => `good ${index}`));
    expect(setAside.length).toBe(30);
    expect(fake.peers.length).toBe(1);
  });
});

test.concurrent.each([501, 502, 503, 505])(
  "a message that RabbitMQ closes the connection over with %p is set aside at the second time",
  async (code) => {
    await using fake = await FakeAmqp.start(doing(closingConnection(code)));
    const { outbox, append, confirmed, setAside } = publisherTo(fake);
    for (const topic of ["one", "two", "bad", "three", "four"]) append(topic);
    await until(() => outbox.isEmpty, "all are settled");
    expect(confirmed).toEqual(["one", "two", "three", "four"]);
    expect(setAside).toEqual([expect.stringContaining(String(code))]);
    expect(fake.peers.length).toBeLessThanOrEqual(4);
  },
);

describe.concurrent("a loss that no message is to blame for", () => {
  const losses: Record<string, Act> = {
    "the end of the connection without a word": (peer) => {
      peer.end();
      return true;
    },
    "a forced close, as at a stop": closingConnection(320),
    "a close without an error": closingConnection(200),
    "a deleted exchange": closingChannel(404),
    "a right that was taken away": closingChannel(403),
    "a locked queue": closingChannel(405),
  };
  for (const [what, act] of Object.entries(losses)) {
    test(`sets nothing aside, however often it comes: ${what}`, async () => {
      await using fake = await FakeAmqp.start(doing(atFirst(5, act)));
      const { outbox, append, confirmed, setAside } = publisherTo(fake);
      append("bad");
      await until(() => outbox.isEmpty, "it is confirmed");
      append("good");
      await until(() => outbox.isEmpty, "the next one is, too");
      expect({ confirmed, setAside }).toEqual({ confirmed: ["bad", "good"], setAside: [] });
    });
  }

  test("nor does a single close, after which RabbitMQ takes it", async () => {
    await using fake = await FakeAmqp.start(doing(atFirst(1, closingChannel(406))));
    const { outbox, append, confirmed, setAside } = publisherTo(fake);
    for (const topic of ["one", "bad", "three"]) append(topic);
    await until(() => outbox.isEmpty, "all are settled");
    expect({ confirmed, setAside }).toEqual({ confirmed: ["one", "bad", "three"], setAside: [] });
  });
});
