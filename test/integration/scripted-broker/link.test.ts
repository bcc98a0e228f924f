import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { BeginAnew } from "../../../src/broker/rabbitmq/connection/life.ts";
import { Link } from "../../../src/broker/rabbitmq/connection/link.ts";
import { defaultTiming, type LinkTiming } from "../../../src/broker/rabbitmq/connection/link-timing.ts";
import { Outage } from "../../../src/broker/rabbitmq/connection/outage.ts";
import { RabbitmqBroker } from "../../../src/broker/rabbitmq/rabbitmq.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { FakeAmqp, type Script } from "../../support/fake-amqp.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Tests need not wait as long as production does. */
const timing = {
  ...defaultTiming,
  openTimeoutMs: 20_000,
  closeTimeoutMs: 100,
  backoff: { firstMs: 10, mostMs: 50 },
};
/** Patient with a busy machine, but for a peer that is to be silent. */
const hasty = (isSilent: () => boolean): LinkTiming => ({
  ...timing,
  get openTimeoutMs() {
    return isSilent() ? 300 : timing.openTimeoutMs;
  },
});

/** A publisher on a scripted peer, and what is logged. */
function publisherTo(
  fake: Pick<FakeAmqp, "url" | "closeFirst">,
  timingWith: (log: readonly string[]) => LinkTiming = () => timing,
  plainCopies = false,
) {
  /** What is said about losing RabbitMQ and getting it back. */
  const log: string[] = [];
  const note = (message: string) => void (message.startsWith("broker ") && log.push(message));
  const broker = new RabbitmqBroker({
    urls: [fake.url],
    name: "test",
    logger: { wants: () => false, debug: () => undefined, info: note, warn: note, error: note },
    logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 },
    plainCopies,
    timing: timingWith(log),
  });
  fake.closeFirst(broker);
  const outbox = new Outbox("test", plainCopies);
  broker.attachPublisher("wsmanager", outbox);
  let fatal: Error | undefined;
  broker.start((error) => {
    fatal = error;
  });
  return { broker, outbox, log, fatal: () => fatal };
}

const confirming: Script = (method, peer, channel) => {
  if (method !== "BasicPublish") return undefined;
  peer.send("BasicAck", { deliveryTag: peer.published, multiple: false }, channel);
  return "answered";
};

/** Confirms, but for the connection with this number, of which `act` takes the publishes. */
function butFirst(act: Script, fake: () => FakeAmqp): Script {
  return (method, peer, channel, fields) => {
    const isFirst = peer === fake().peers[0];
    return (isFirst && method === "BasicPublish" ? act : confirming)(method, peer, channel, fields);
  };
}

describe.concurrent("a link to RabbitMQ", () => {
  const faults: Record<string, Script> = {
    "half a frame and the end": (_, peer, channel) => {
      peer.sendHalf("BasicAck", { deliveryTag: 1, multiple: false }, channel);
      peer.end();
      return "answered";
    },
    "bytes that are no frame": (_, peer) => {
      peer.sendBytes(Buffer.alloc(64, 0xff));
      return "answered";
    },
    "an unexpected close of the connection": (_, peer) => {
      peer.send("ConnectionClose", { replyCode: 541, replyText: "INTERNAL_ERROR", classId: 0, methodId: 0 });
      return "answered";
    },
    "a close code that AMQP does not know": (_, peer) => {
      peer.send("ConnectionClose", { replyCode: 999, replyText: "surprise", classId: 0, methodId: 0 });
      return "answered";
    },
    "a close of the channel": (_, peer, channel) => {
      peer.send(
        "ChannelClose",
        { replyCode: 404, replyText: "NOT_FOUND", classId: 60, methodId: 40 },
        channel,
      );
      return "answered";
    },
    "a confirm of what was never sent, on a channel that is not there": (_, peer) => {
      peer.send("BasicAck", { deliveryTag: 1, multiple: false }, 77);
      return "answered";
    },
    "a refusal of the first message": (_, peer, channel) => {
      peer.send("BasicNack", { deliveryTag: 1, multiple: false, requeue: false }, channel);
      return "answered";
    },
  };
  for (const [fault, act] of Object.entries(faults)) {
    test(`is rebuilt after ${fault}, and everything is published again`, async () => {
      await using fake = await FakeAmqp.start();
      fake.script = butFirst(act, () => fake);
      const { broker, outbox, log, fatal } = publisherTo(fake);
      for (const body of ["one", "two", "three"]) outbox.append({ body, topic: "" });
      await until(() => outbox.isEmpty, "everything to be confirmed");
      await until(() => broker.status().state === "ready", "the link to be ready");
      expect(fake.peers.length).toBe(2);
      expect(fake.peers[1]!.published).toBe(3);
      expect(outbox.account.confirmedCount).toBe(3);
      expect(log).toEqual(["broker lost, reconnecting", "broker is back"]);
      expect(fatal()).toBeUndefined();
    });
  }

  test("sends its first message alone, and the others when it is confirmed", async () => {
    await using fake = await FakeAmqp.start((method) => (method === "BasicPublish" ? "answered" : undefined));
    const { outbox } = publisherTo(fake);
    for (const body of ["one", "two", "three"]) outbox.append({ body, topic: "" });
    const peer = await until(() => fake.peers.find(({ published }) => published > 0), "the first message");
    expect(peer.published).toBe(1);
    const channel = peer.publishedOn;
    peer.send("BasicAck", { deliveryTag: 1, multiple: false }, channel);
    await until(() => peer.published === 3, "the others");
    peer.send("BasicAck", { deliveryTag: 3, multiple: true }, channel);
    await until(() => outbox.isEmpty, "everything to be confirmed");
  });

  describe("with a copy for other programs", () => {
    /** A pack of two on its way, with its copies, and nothing confirmed. */
    async function onItsWay() {
      const to: unknown[] = [];
      const fake = await FakeAmqp.start((method, _, __, fields) => {
        if (method !== "BasicPublish") return undefined;
        to.push(fields["exchange"]);
        return "answered";
      });
      const { outbox } = publisherTo(fake, undefined, true);
      for (const body of ["one", "two"]) outbox.append({ body, topic: "" });
      const peer = await until(
        () => fake.peers.find(({ published }) => published === 3),
        "a pack and its copies",
      );
      expect(to.splice(0)).toEqual(["wsmanager", "wsmanager", "wsmanager.packed"]);
      const ack = (deliveryTag: number) =>
        peer.send("BasicAck", { deliveryTag, multiple: false }, peer.publishedOn);
      return { fake, peer, outbox, to, ack };
    }
    const asked = (peer: FakeAmqp["peers"][number]) =>
      peer.methods.filter((method) => method === "ExchangeDeclare").length;

    test("confirms a message when its pack and its copy are confirmed, in whatever order", async () => {
      for (const [first, ...others] of [
        [3, 1, 2],
        [1, 2, 3],
        [2, 3, 1],
      ]) {
        const { fake, peer, outbox, ack } = await onItsWay();
        await using _fake = fake;
        const before = asked(peer);
        ack(first!);
        ack(others[0]!);
        await until(() => asked(peer) > before, "the check of these confirms");
        await Bun.sleep(20);
        expect(outbox.account.confirmedCount).toBe(0);
        ack(others[1]!);
        await until(() => outbox.isEmpty, "all confirms to count");
        expect(outbox.account.confirmedCount).toBe(2);
      }
    });

    test("publishes both again, with their ids, when the connection is lost before one of them is confirmed", async () => {
      const { fake, peer, outbox, to, ack } = await onItsWay();
      await using _fake = fake;
      ack(2);
      const before = asked(peer);
      await until(() => asked(peer) > before, "the check of this confirm");
      await Bun.sleep(20);
      fake.script = (method, again, channel, fields) => {
        if (method === "BasicPublish") to.push(fields["exchange"]);
        return confirming(method, again, channel, fields);
      };
      peer.end();
      await until(() => outbox.isEmpty, "everything to be confirmed");
      // The second copy was safe.
      expect(to).toEqual(["wsmanager", "wsmanager.packed"]);
      expect(fake.peers[1]!.bodies[0]).toBe("one");
      expect(fake.peers[1]!.bodies[1]).toBe(peer.bodies[2]!);
    });

    test("publishes a refused copy again, and neither its pack nor the other copy", async () => {
      const { fake, peer, outbox, to, ack } = await onItsWay();
      await using _fake = fake;
      for (const tag of [1, 2, 3]) ack(tag);
      await until(() => outbox.isEmpty, "the first confirms");
      for (const body of ["three", "four"]) outbox.append({ body, topic: "" });
      await until(() => peer.published === 6, "the next pack");
      to.splice(0);
      fake.script = (method, again, channel, fields) => {
        if (method === "BasicPublish") to.push(fields["exchange"]);
        return confirming(method, again, channel, fields);
      };
      peer.send("BasicNack", { deliveryTag: 5, multiple: false, requeue: false }, peer.publishedOn);
      ack(4);
      ack(6);
      await until(() => outbox.isEmpty, "everything to be confirmed");
      expect(to).toEqual(["wsmanager"]);
      expect(peer.bodies.at(-1)).toBe("four");
    });
  });

  describe("that confirms before it has said that everything is there", () => {
    /** The first connection's peer confirms, and leaves the question after that unanswered. */
    async function unanswering() {
      const fake = await FakeAmqp.start();
      let asked: number | undefined;
      fake.script = (method, peer, channel, fields) => {
        const isCheck =
          method === "ExchangeDeclare" && fields["passive"] === true && fields["nowait"] !== true;
        if (!isCheck || peer !== fake.peers[0] || peer.published === 0)
          return confirming(method, peer, channel, fields);
        asked = channel;
        return "answered";
      };
      const { broker, outbox } = publisherTo(fake, (lost) =>
        hasty(() => lost.length === 1 && fake.peers.length === 1),
      );
      outbox.append({ body: "one", topic: "" });
      const channel = await until(() => asked, "the question after the confirm");
      expect(outbox.account.confirmedCount).toBe(0);
      return { fake, broker, outbox, channel };
    }

    test("is asked, and the confirm counts when that is answered", async () => {
      const { fake, outbox, channel } = await unanswering();
      await using _fake = fake;
      fake.peers[0]!.send("ExchangeDeclareOk", {}, channel);
      await until(() => outbox.isEmpty, "the confirm to count");
      expect(fake.peers[0]!.published).toBe(1);
    });

    test("gets everything again if it then misses a queue, over a link that says what is missing", async () => {
      const { fake, broker, outbox, channel } = await unanswering();
      await using _fake = fake;
      const replyText = "NOT_FOUND - no queue 'wsmanager.log' in vhost '/'";
      const { script } = fake;
      // The next connection is not answered, so that there is time to look.
      fake.script = (method, peer, ...rest) =>
        peer === fake.peers[1] ? "answered" : script(method, peer, ...rest);
      fake.peers[0]!.send("ChannelClose", { replyCode: 404, replyText, classId: 50, methodId: 10 }, channel);
      const status = await until(() => {
        const now = broker.status();
        return now.state === "connecting" ? now : undefined;
      }, "the link to be lost");
      expect(status.why).toBe("the queue wsmanager.log is missing: declaring it again");
      await until(() => outbox.isEmpty, "the confirm to count");
      expect(fake.peers[2]!.bodies).toEqual(["one"]);
      expect(outbox.account.confirmedCount).toBe(1);
    });

    test("is asked no more while it is silent", async () => {
      const { fake, outbox } = await unanswering();
      await using _fake = fake;
      const declares = () => fake.peers[0]!.methods.filter((method) => method === "ExchangeDeclare").length;
      const before = declares();
      // Several times as long as it waits between two questions.
      await Bun.sleep(350);
      expect(declares() - before).toBe(0);
      expect(outbox.account.confirmedCount).toBe(0);
    });
  });

  test("publishes a refused message again on the same connection once it has proved good", async () => {
    let refused = 0;
    await using fake = await FakeAmqp.start((method, peer, channel) => {
      if (method !== "BasicPublish") return undefined;
      const isRefused = peer.published === 2;
      if (isRefused) refused++;
      peer.send(
        isRefused ? "BasicNack" : "BasicAck",
        { deliveryTag: peer.published, multiple: false },
        channel,
      );
      return "answered";
    });
    const { outbox } = publisherTo(fake);
    for (const body of ["one", "two", "three"]) outbox.append({ body, topic: "" });
    await until(() => outbox.isEmpty, "everything to be confirmed");
    expect({ refused, connections: fake.peers.length }).toEqual({ refused: 1, connections: 1 });
    expect(fake.peers[0]!.published).toBe(4);
  });

  test("publishes refused messages again before anything new, in order, when all that was on the wire is settled", async () => {
    await using fake = await FakeAmqp.start((method, peer, channel) => {
      if (method !== "BasicPublish") return undefined;
      if (peer.published === 1 || peer.published > 5)
        peer.send("BasicAck", { deliveryTag: peer.published, multiple: false }, channel);
      return "answered";
    });
    const { outbox } = publisherTo(fake);
    for (const body of ["one", "two", "three", "four", "five"]) outbox.append({ body, topic: "" });
    const peer = await until(() => fake.peers.find(({ bodies }) => bodies.length === 5), "all on the wire");
    const settle = (method: "BasicAck" | "BasicNack", deliveryTag: number) =>
      peer.send(method, { deliveryTag, multiple: false }, peer.publishedOn);
    settle("BasicNack", 2);
    settle("BasicAck", 3);
    settle("BasicNack", 4);
    await until(() => outbox.unconfirmed === 1, "the answers");
    outbox.append({ body: "new", topic: "" });
    // Longer than the longest wait after a first refusal.
    await Bun.sleep(60);
    expect(peer.bodies.length).toBe(5);
    settle("BasicAck", 5);
    await until(() => outbox.isEmpty, "everything to be confirmed");
    expect(peer.bodies.slice(5)).toEqual(["two", "four", "new"]);
    expect(fake.peers.length).toBe(1);
  });

  test("takes another connection when a message is refused for the third time", async () => {
    await using fake = await FakeAmqp.start();
    fake.script = butFirst(
      (_, peer, channel) => {
        const answer = peer.published === 1 ? "BasicAck" : "BasicNack";
        peer.send(answer, { deliveryTag: peer.published, multiple: false }, channel);
        return "answered";
      },
      () => fake,
    );
    const { outbox, log } = publisherTo(fake);
    for (const body of ["one", "two", "three"]) outbox.append({ body, topic: "" });
    await until(() => outbox.isEmpty, "everything to be confirmed");
    expect(fake.peers.map(({ bodies }) => bodies.filter((body) => body === "two").length)).toEqual([3, 1]);
    expect(fake.peers[1]!.bodies).toEqual(["two", "three"]);
    expect(log).toEqual(["broker lost, reconnecting", "broker is back"]);
  });

  for (const silentFrom of ["ProtocolHeader", "ConnectionOpen", "ExchangeDeclare", "ConfirmSelect"]) {
    test(`gives up a peer that falls silent at ${silentFrom}, and tries again`, async () => {
      await using fake = await FakeAmqp.start();
      fake.script = (method, peer, channel, fields) => {
        if (peer === fake.peers[0] && peer.methods.includes(silentFrom)) return "answered";
        return confirming(method, peer, channel, fields);
      };
      const { broker, log } = publisherTo(fake, (lost) => hasty(() => lost.length === 0));
      await until(() => broker.status().state === "ready", "the link to be ready");
      expect(fake.peers.length).toBe(2);
      expect(log).toEqual(["broker not reachable, trying again", "broker is back"]);
    });
  }

  const refuseUser: Script = (method, peer) => {
    if (method !== "ConnectionStartOk") return undefined;
    peer.send("ConnectionClose", { replyCode: 403, replyText: "ACCESS_REFUSED", classId: 0, methodId: 0 });
    return "answered";
  };

  test("takes refused credentials for the last word", async () => {
    await using fake = await FakeAmqp.start(refuseUser);
    const { fatal } = publisherTo(fake);
    expect((await until(fatal, "a fatal error")).name).toBe("FatalError");
    expect(fake.peers.length).toBe(1);
  });

  const refuseDeclaring: Script = (method, peer, channel, fields) => {
    if (method !== "ExchangeDeclare") return confirming(method, peer, channel, fields);
    const fault = { replyCode: 403, replyText: "ACCESS_REFUSED", classId: 40, methodId: 10 };
    peer.send("ChannelClose", fault, channel);
    return "answered";
  };

  test("takes a right that is missing for the last word", async () => {
    await using fake = await FakeAmqp.start(refuseDeclaring);
    const { fatal } = publisherTo(fake);
    expect((await until(fatal, "a fatal error")).message).toContain("grant it configure, write and read");
  });

  test("keeps trying where a right was taken away that was there before, and says which", async () => {
    await using fake = await FakeAmqp.start(confirming);
    const { broker, outbox, fatal } = publisherTo(fake);
    await until(() => broker.status().state === "ready", "the link to be ready");
    fake.script = refuseDeclaring;
    fake.peers[0]!.end();
    await until(() => fake.peers.length > 3, "some tries");
    expect(JSON.stringify(broker.status())).toContain("grant it configure, write and read");
    fake.script = confirming;
    outbox.append({ body: "hello", topic: "" });
    await until(() => outbox.isEmpty, "everything to be confirmed");
    expect(fatal()).toBeUndefined();
  });

  test("keeps trying where credentials are refused that were good before", async () => {
    await using fake = await FakeAmqp.start(confirming);
    const { broker, outbox, fatal } = publisherTo(fake);
    await until(() => broker.status().state === "ready", "the link to be ready");
    fake.script = refuseUser;
    fake.peers[0]!.end();
    await until(() => fake.peers.length > 3, "some tries");
    fake.script = confirming;
    outbox.append({ body: "hello", topic: "" });
    await until(() => outbox.isEmpty, "everything to be confirmed");
    expect(fatal()).toBeUndefined();
  });
});

/** How a connection may end together with its opening. */
const ends: Readonly<Record<string, Script>> = {
  "is closed with a fault": (_, peer) => {
    peer.send("ConnectionClose", { replyCode: 541, replyText: "INTERNAL_ERROR", classId: 0, methodId: 0 });
    return "answered";
  },
  "is closed by an operator": (_, peer) => {
    peer.send("ConnectionClose", { replyCode: 320, replyText: "CONNECTION_FORCED", classId: 0, methodId: 0 });
    return "answered";
  },
  "ends without a word": (_, peer) => {
    peer.end();
    return "answered";
  },
};

test.each(Object.keys(ends))("a connection that %s as it is opened is one more failed try", async (end) => {
  await using fake = await FakeAmqp.start();
  fake.script = (method, peer, channel, fields) => {
    if (method !== "ConnectionOpen" || peer !== fake.peers[0])
      return confirming(method, peer, channel, fields);
    peer.answer(method, channel, fields);
    return ends[end]!(method, peer, channel, fields);
  };
  const { broker, outbox, log, fatal } = publisherTo(fake);
  outbox.append({ body: "one", topic: "" });
  await until(() => outbox.isEmpty, "the message to be confirmed");
  await until(() => broker.status().state === "ready", "the link to be ready");
  expect(fake.peers.length).toBe(2);
  expect(log).toEqual(["broker not reachable, trying again", "broker is back"]);
  expect(fatal()).toBeUndefined();
});

test("a link over which something is to be begun anew does not wait as after a fault", async () => {
  await using fake = await FakeAmqp.start(() => undefined);
  const quiet = () => undefined;
  const logger = { wants: () => false, debug: quiet, info: quiet, warn: quiet, error: quiet };
  let lives = 0;
  const link = new Link({
    name: "test",
    urls: [fake.url],
    access: { read: () => ({}) as never },
    timing: { ...timing, backoff: { firstMs: 3_600_000, mostMs: 3_600_000 } },
    logger,
    outage: new Outage(logger, () => 0),
    setUp: ({ drop }) => {
      if (++lives < 3) setImmediate(() => drop(new BeginAnew("it is another one")));
      return Promise.resolve();
    },
    opened: quiet,
    onFatal: quiet,
  });
  link.start();
  await until(() => lives === 3, "its third life");
  await link.close(1000);
});

test("a connection that opens after its link was closed, and then breaks, does no harm", async () => {
  await using fake = await FakeAmqp.start();
  const opening = Promise.withResolvers<() => void>();
  fake.script = (method, peer, channel, fields) => {
    if (method === "ConnectionOpen") opening.resolve(() => peer.answer(method, channel, fields));
    else if (method === "ConnectionClose") peer.end();
    else return undefined;
    return "answered";
  };
  const quiet = () => undefined;
  const logger = { wants: () => false, debug: quiet, info: quiet, warn: quiet, error: quiet };
  const link = new Link({
    name: "test",
    urls: [fake.url],
    access: { read: () => ({}) as never },
    timing,
    logger,
    outage: new Outage(logger, () => 0),
    setUp: () => Promise.resolve(),
    opened: quiet,
    onFatal: quiet,
  });
  link.start();
  const open = await opening.promise;
  await link.close(1000);
  open();
  await until(() => fake.peers[0]!.hasEnded, "the connection to be over on both sides");
});

describe.concurrent("a link that is told to close waits no longer than it may, though RabbitMQ is silent", () => {
  /** Nothing but the time that `close` is given ends a wait within this test. */
  const patient = { ...timing, openTimeoutMs: 120_000, closeTimeoutMs: 120_000 };
  const silence: Record<string, (method: string) => boolean> = {
    "from the first byte on": () => true,
    "while it sets up": (method) => method === "ChannelOpen",
    "when all is in force": (method) => method === "ConnectionClose" || method === "ChannelClose",
  };
  for (const [when, isUnanswered] of Object.entries(silence)) {
    test(when, async () => {
      await using fake = await FakeAmqp.start((method) => (isUnanswered(method) ? "answered" : undefined));
      const { broker, log } = publisherTo(fake, () => patient);
      await until(() => fake.peers.some(({ methods }) => methods.some(isUnanswered)) || isReady(), when);
      // On a busy machine a first attempt may have failed. Closing itself is no loss that has to be told.
      const before = [...log];
      await broker.close(50);
      expect(broker.status().state).toBe("closed");
      expect(log).toEqual(before);

      function isReady() {
        return broker.status().state === "ready";
      }
    });
  }
});

test.each([
  ["", "/"],
  ["/", "/"],
  ["/%2f", "/"],
  ["/orders", "orders"],
  ["/a%2Fb%20c", "a/b c"],
  ["/gr%C3%B6%C3%9Fe?heartbeat=7", "größe"],
  ["/größe", "größe"],
])("a URL that ends in %p opens the vhost %p", async (end, vhost) => {
  let opened: unknown;
  await using fake = await FakeAmqp.start((method, _peer, _channel, { virtualHost }) => {
    if (method === "ConnectionOpen") opened = virtualHost;
    return undefined;
  });
  const { broker } = publisherTo({ url: `${fake.url}${end}`, closeFirst: (user) => fake.closeFirst(user) });
  expect(await until(() => opened, "the vhost")).toBe(vhost);
  // A connection that is cut off while it opens is amqplib's to report, in a later turn.
  await until(() => broker.status().state === "ready", "the link to be ready");
});
