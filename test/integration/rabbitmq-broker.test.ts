import { afterEach, describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { connect, type GetMessage } from "amqplib";
import type { Broker } from "../../src/broker/broker.ts";
import { defaultTiming } from "../../src/broker/rabbitmq/connection/link-timing.ts";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import { prefetch } from "../../src/broker/rabbitmq/reading/log-credit.ts";
import type { Envelope } from "../../src/envelope/envelope.ts";
import type { Logger } from "../../src/ops/logger.ts";
import { Outbox } from "../../src/outbox/outbox.ts";
import { describeBrokerContract } from "../contract/broker.ts";
import {
  envelopeOf,
  RecordingConsumer,
  RecordingFollower,
  RecordingPublisher,
  startAndWait,
} from "../contract/recorders.ts";
import { FaultyProxy } from "../faults/proxy.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { chosenVersion } from "../support/rabbitmq-versions.ts";
import { QuietLogger } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { RecordingLogger } from "../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Tests need not wait as long as production does. */
const timing = { ...defaultTiming, backoff: { firstMs: 20, mostMs: 200 } };

const logRetention = { maxBytes: 16 * 1024 ** 2, maxAgeMs: 86_400_000 };
const opened: Broker[] = [];
const openBroker = (
  urls: readonly string[],
  logger: Logger = new QuietLogger(),
  shortened: Partial<typeof timing> = {},
) => {
  const options = { name: "test", logger, logRetention, timing: { ...timing, ...shortened } };
  const broker = new RabbitmqBroker({ urls, ...options });
  opened.push(broker);
  return broker;
};
const freshVhost = async () => (await sharedRabbitmq()).vhost();

/** Starts it and resolves with what it calls fatal. */
const fatalOf = (broker: Broker) => new Promise<Error>((resolve) => broker.start(resolve));

/** Does something as another program would, on a connection of its own. */
async function asAnotherProgram<T>(
  url: string,
  act: (channel: Awaited<ReturnType<typeof newChannel>>) => Promise<T>,
) {
  const connection = await connect(url);
  try {
    return await act(await newChannel(connection));
  } finally {
    await connection.close();
  }
}
/** The offset of the oldest record that the log has. */
function oldestOf(broker: Broker): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const reading = broker.read("first", { aheadMax: 1, record: resolve, ended: () => resolve(-1) });
  return promise.finally(() => reading.stop());
}

const newChannel = (connection: Awaited<ReturnType<typeof connect>>) => connection.createChannel();

afterEach(async () => {
  await Promise.all(opened.splice(0).map((broker) => broker.close()));
});

describeBrokerContract("RabbitMQ", async () => openBroker([await freshVhost()]));

describe("a memory alarm", () => {
  test("stops neither what consumes nor the follower, and lets no marks pile up in RabbitMQ", async () => {
    const node = await sharedRabbitmq();
    const url = await node.vhost();
    const logger = new RecordingLogger();
    const broker = openBroker([url], logger, { markAgainAfterMs: 200 });
    const publisher = new RecordingPublisher();
    const consumer = new RecordingConsumer("by hand");
    const follower = new RecordingFollower();
    broker.attachPublisher("wsmanager", publisher);
    broker.attachConsumer("group", 1, consumer);
    broker.attachFollower(follower);
    await startAndWait(broker);
    const texts = Array.from({ length: 5 }, (_, index) => `message ${index}`);
    await publisher.publish(...texts.map((text) => envelopeOf(text)));
    await until(() => consumer.deliveries.length === 1, "the first delivery");
    const before = await connectionsOf(node);
    let [blockedAtMs, overAtMs] = [0, 0];
    await alarm(node, true);
    try {
      // RabbitMQ blocks a connection over what it publishes. The one that announces the group may be blocked before that of the marks.
      const areBlocked = () => {
        broker.mark(() => undefined);
        return logger.lines.some(({ message }) => message === "broker takes no marks");
      };
      await until(areBlocked, "the marks' connection to be blocked");
      expect(broker.status().state).toBe("blocked");
      blockedAtMs = Date.now();
      // Twice as long as it takes to find the log silent.
      for (let time = 0; time < 100; time++) {
        broker.mark(() => undefined);
        await Bun.sleep(20);
      }
      for (let count = 1; count <= texts.length; count++) {
        await until(() => consumer.deliveries.length === count, `delivery ${count}`);
        consumer.session!.ack(count, false);
      }
      expect(await connectionsOf(node)).toBe(before);
      overAtMs = Date.now();
    } finally {
      await alarm(node, false);
    }
    await new Promise<number>((resolve) => broker.mark(resolve));
    expect(await connectionsOf(node)).toBe(before);
    // Marks tell the second in which they were written.
    const marks = (await marksIn(broker)).filter(({ timestamp = 0 }) => timestamp * 1000 >= blockedAtMs);
    expect(marks.filter(({ timestamp = 0 }) => (timestamp + 1) * 1000 <= overAtMs)).toEqual([]);
    // One that waited, and those of the end. One that is slow to come back is written again.
    expect(new Set(marks.map(({ messageId }) => messageId)).size).toBeLessThanOrEqual(3);
    await publisher.publish(envelopeOf("afterwards"));
    await until(() => follower.texts.includes("afterwards"), "the follower to go on");
    expect(follower.marks).toHaveLength(1);
  });
});

describe("a follower that has time", () => {
  test("gets every record once and in order, and a mark that it asks for while it rests", async () => {
    const url = await freshVhost();
    const publisher = new RecordingPublisher();
    const sending = openBroker([url]);
    sending.attachPublisher("wsmanager", publisher);
    sending.attachFollower(new RecordingFollower());
    await startAndWait(sending);
    let rests = 0;
    const follower = new RecordingFollower();
    Object.defineProperty(follower, "patienceMs", {
      get: () => {
        rests++;
        return 100;
      },
    });
    const broker = openBroker([url]);
    broker.attachFollower(follower);
    await startAndWait(broker);
    let count = 0;
    const publish = (more = 1) =>
      publisher.publish(...Array.from({ length: more }, () => envelopeOf(String(count++))));
    // It begins to rest a second after it has asked for a mark.
    const isResting = async () => {
      await publish();
      return rests > 3;
    };
    await until(isResting, "it rests");
    // More than RabbitMQ sends before it is asked for more, rest by rest.
    while (count < 3 * prefetch) {
      await publish(60);
      await until(() => follower.records.length >= count - 60, "what was published before");
    }
    const whole = new Promise<number>((resolve) => broker.mark(resolve));
    for (let time = 0; time < 10; time++) await publish(30);
    expect(await whole).toBeGreaterThan(0);
    await until(() => follower.records.length === count, "every record");
    expect(follower.texts).toEqual(Array.from({ length: count }, (_, index) => String(index)));
    expect(follower.gapsBehind).toEqual([]);
  });
});

describe("RabbitMQ's exchanges", () => {
  test("are joined where another program has declared them as not durable", async () => {
    const url = await freshVhost();
    await asAnotherProgram(url, async (channel) => {
      await channel.assertExchange("wsmanager", "fanout", { durable: false });
      await channel.assertExchange("towsmanager", "fanout", { durable: false });
    });
    const broker = openBroker([url]);
    const publisher = new RecordingPublisher();
    const consumer = new RecordingConsumer();
    broker.attachPublisher("wsmanager", publisher);
    broker.attachPublisher("towsmanager", new RecordingPublisher());
    broker.attachConsumer("group", 10, consumer);
    broker.attachFollower(new RecordingFollower());
    await startAndWait(broker);
    await publisher.publish(envelopeOf("hello"));
    await until(() => consumer.texts.length === 1, "the delivery");
  });

  test("are created durable where they do not exist", async () => {
    const url = await freshVhost();
    const broker = openBroker([url]);
    broker.attachPublisher("wsmanager", new RecordingPublisher());
    broker.attachPublisher("towsmanager", new RecordingPublisher());
    await startAndWait(broker);
    await asAnotherProgram(url, async (channel) => {
      await channel.assertExchange("wsmanager", "fanout", { durable: true });
      await channel.assertExchange("towsmanager", "fanout", { durable: true });
    });
  });

  test("of another type are a fatal error that names them", async () => {
    const url = await freshVhost();
    await asAnotherProgram(url, (channel) => channel.assertExchange("towsmanager", "topic"));
    const broker = openBroker([url]);
    broker.attachPublisher("towsmanager", new RecordingPublisher());
    const fatal = await fatalOf(broker);
    expect(fatal.name).toBe("FatalError");
    expect(fatal.message).toContain('"towsmanager"');
    expect(fatal.message).toContain("fanout");
  });
});

describe("a queue of dead letters that is full", () => {
  test("refuses them, and disturbs neither answers nor what is consumed", async () => {
    const url = await freshVhost();
    await asAnotherProgram(url, async (channel) => {
      await channel.assertQueue("wsmanager.dead", {
        arguments: { "x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish" },
      });
    });
    const broker = openBroker([url]);
    const [answers, consumer] = [new RecordingPublisher(), new RecordingConsumer()];
    const dead = new Outbox("dead", false);
    broker.attachPublisher("towsmanager", answers);
    broker.attachPublisher("wsmanager.dead", dead);
    broker.attachConsumer("group", 10, consumer);
    await startAndWait(broker);
    const opened = spyOn(dead, "opened");
    // A quorum queue takes some more before it refuses; then the outbox gives a link up after a few refusals.
    await until(() => {
      dead.append({ body: "dead", topic: "" });
      return opened.mock.calls.length >= 2;
    }, "another link for the dead letters");
    expect(dead.isEmpty).toBe(false);
    await answers.publish(envelopeOf("answer"));
    expect(answers.linkCount).toBe(1);
    expect(consumer.session).toBeDefined();
    dead.close();
  });
});

describe("RabbitMQ's refusals", () => {
  test("a wrong password is a fatal error without the password", async () => {
    const url = new URL(await freshVhost());
    url.password = "not-the-password";
    const broker = openBroker([url.href]);
    broker.attachPublisher("wsmanager", new RecordingPublisher());
    const fatal = await fatalOf(broker);
    expect(fatal.name).toBe("FatalError");
    expect(fatal.message).toContain("password");
    expect(fatal.message).not.toContain("not-the-password");
  });

  test("a vhost that cannot be opened is tried again, with a hint", async () => {
    const url = new URL(await freshVhost());
    url.pathname = "/no-such-vhost";
    const logger = new QuietLogger();
    const broker = openBroker([url.href], logger);
    broker.attachPublisher("wsmanager", new RecordingPublisher());
    broker.start(() => undefined);
    await until(() => logger.complaints.length > 0, "the complaint");
    expect(broker.status()).toMatchObject({ state: "connecting", why: expect.stringContaining("vhost") });
  });

  test("a queue that exists with other arguments is joined as it is", async () => {
    const url = await freshVhost();
    await asAnotherProgram(url, (channel) => channel.assertQueue("wsmanager.group", { durable: true }));
    const broker = openBroker([url]);
    const publisher = new RecordingPublisher();
    const consumer = new RecordingConsumer();
    broker.attachPublisher("wsmanager", publisher);
    broker.attachConsumer("group", 10, consumer);
    await startAndWait(broker);
    await publisher.publish(envelopeOf("hello"));
    await until(() => consumer.texts.length === 1, "the delivery");
  });
});

describe("when the connection to RabbitMQ is lost", () => {
  test("everything is rebuilt, what was not confirmed is published again, and the log is followed on", async () => {
    const node = await sharedRabbitmq();
    const url = await node.vhost();
    const broker = openBroker([url]);
    const outbox = new Outbox("test", false);
    const consumer = new RecordingConsumer();
    const follower = new RecordingFollower();
    broker.attachPublisher("wsmanager", outbox);
    broker.attachConsumer("group", 100, consumer);
    broker.attachFollower(follower);
    await startAndWait(broker);
    const sent = Array.from({ length: 3000 }, (_, index) => `message ${index}`);
    for (const [index, body] of sent.entries()) {
      outbox.append({ body, topic: "", clientId: "client" });
      if (index % 500 === 250) await node.closeConnections();
      if (index % 100 === 0) await Bun.sleep(1);
    }
    await until(() => outbox.isEmpty, "everything to be confirmed");
    await untilCount(() => new Set(consumer.texts).size, sent.length, "everything to be delivered");
    await untilCount(() => new Set(follower.texts).size, sent.length, "everything to be followed");
    expect(withoutRepeats(follower.texts)).toEqual(sent);
    expect(follower.records.map(({ offset }) => offset)).toEqual(
      [...new Set(follower.records.map(({ offset }) => offset))].sort((a, b) => a - b),
    );
    expect(outbox.level.bytes).toBe(0);
  });

  for (const exchange of ["wsmanager", "towsmanager"] as const) {
    test(`a deleted exchange ${exchange} costs nothing that is published after`, async () => {
      const url = await freshVhost();
      const broker = openBroker([url]);
      const outbox = new Outbox("test", false);
      const consumer = new RecordingConsumer();
      const follower = new RecordingFollower();
      broker.attachPublisher(exchange, outbox);
      broker.attachConsumer("group", 100, consumer);
      broker.attachFollower(follower);
      await startAndWait(broker);
      await asAnotherProgram(url, (channel) => channel.deleteExchange(exchange));
      const sent = Array.from({ length: 100 }, (_, index) => `message ${index}`);
      for (const body of sent) outbox.append({ body, topic: "" });
      await untilCount(() => follower.texts.length, sent.length, "everything to be followed");
      expect(withoutRepeats(follower.texts)).toEqual(sent);
      if (exchange === "towsmanager") return;
      await untilCount(() => consumer.texts.length, sent.length, "everything to be delivered");
      expect(withoutRepeats(consumer.texts)).toEqual(sent);
    });
  }

  test("a deleted log is declared again and followed from its beginning", async () => {
    const url = await freshVhost();
    const broker = openBroker([url]);
    const publisher = new RecordingPublisher();
    const follower = new RecordingFollower();
    broker.attachPublisher("wsmanager", publisher);
    broker.attachFollower(follower);
    await startAndWait(broker);
    await publisher.publish(envelopeOf("one"), envelopeOf("two"), envelopeOf("three"));
    await until(() => follower.texts.length === 3, "3 records");
    await asAnotherProgram(url, (channel) => channel.deleteQueue("wsmanager.log"));
    await until(() => broker.status().state === "connecting", "the loss to be noticed");
    await until(() => broker.status().state === "ready", "the log to be there again");
    await publisher.publish(envelopeOf("four"));
    await until(() => follower.texts.includes("four"), "what was published after");
    expect(follower.texts).toEqual(["one", "two", "three", "four"]);
  });

  test("a log that was deleted and begun anew while RabbitMQ was away is noticed though it has not got as far, and read from its beginning", async () => {
    const url = await freshVhost();
    await using proxy = await FaultyProxy.start(url);
    const broker = openBroker([proxy.url]);
    const publisher = new RecordingPublisher();
    const follower = new RecordingFollower();
    broker.attachPublisher("wsmanager", publisher);
    broker.attachFollower(follower);
    await startAndWait(broker);
    for (let count = 0; count < 30; count++) await publisher.publish(envelopeOf(`old ${count}`));
    await until(() => follower.texts.length === 30, "30 records");
    proxy.refuse();
    await asAnotherProgram(url, (channel) => channel.deleteQueue("wsmanager.log"));
    const other = openBroker([url]);
    const elsewhere = new RecordingPublisher();
    other.attachPublisher("wsmanager", elsewhere);
    await startAndWait(other);
    await elsewhere.publish(envelopeOf("new"));
    proxy.accept();
    await until(() => follower.texts.includes("new"), "what is in the new log", 20_000);
    expect(follower.gapsBehind).toEqual([30]);
    expect(follower.texts.slice(30)).toEqual(["new"]);
  });

  test("a follower that the log's end has overtaken goes on with what is left, and is told that some are missing", async () => {
    const url = await freshVhost();
    const quick = { ...timing, markAfterMs: 300, markAgainAfterMs: 200 };
    const retention = { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 };
    const broker = new RabbitmqBroker({
      urls: [url],
      name: "test",
      logger: new QuietLogger(),
      logRetention: retention,
      timing: quick,
    });
    opened.push(broker);
    const follower = new RecordingFollower();
    broker.attachPublisher("towsmanager", new RecordingPublisher());
    broker.attachFollower(follower);
    await startAndWait(broker);
    const body = Buffer.alloc(20_000, "x");
    await asAnotherProgram(url, async (channel) => {
      for (let count = 0; count < 600; count++) channel.publish("towsmanager", "", body, {});
      await channel.checkExchange("towsmanager");
      await until(() => {
        channel.publish("towsmanager", "", Buffer.from("still there"), {});
        return follower.texts.includes("still there");
      }, "the follower to go on");
    });
    const large = follower.texts.filter((text) => text.length === body.length).length;
    // A machine that is quick enough reads all of it before it is dropped.
    expect(follower.gapsBehind.length > 0).toBe(large < 600);
  });

  // A reader of 3.10 gets nothing any more, which its owner notices.
  test.skipIf(chosenVersion() === "system")(
    "a reader that the log's end has overtaken ends, and hands on nothing of what comes after the gap",
    async () => {
      const url = await freshVhost();
      const broker = new RabbitmqBroker({
        urls: [url],
        name: "test",
        logger: new QuietLogger(),
        logRetention: { maxBytes: 1024 ** 2, maxAgeMs: 86_400_000 },
        timing: { ...timing, markAfterMs: 300, markAgainAfterMs: 200 },
      });
      opened.push(broker);
      const publisher = new RecordingPublisher();
      const follower = new RecordingFollower();
      broker.attachPublisher("towsmanager", publisher);
      broker.attachFollower(follower);
      await startAndWait(broker);
      for (let count = 0; count < 50; count++) await publisher.publish(envelopeOf(`${count}`));
      await until(() => follower.texts.length === 50, "50 records");
      const offsets: number[] = [];
      let hasEnded = false;
      const reading = broker.read("first", {
        aheadMax: 16,
        record: (offset) => void offsets.push(offset),
        ended: () => {
          hasEnded = true;
        },
      });
      await until(() => offsets.length >= 16, "as many as may come ahead");
      const body = Buffer.alloc(20_000, "x");
      await asAnotherProgram(url, async (channel) => {
        for (let count = 0; count < 300; count++) channel.publish("towsmanager", "", body, {});
        await channel.checkExchange("towsmanager");
      });
      const dropped = async () => (await oldestOf(broker)) > offsets.at(-1)! + 100;
      await until(dropped, "what comes next to be dropped", 60_000);
      let handled = 0;
      await until(
        () => {
          reading.handled(offsets.length - handled);
          handled = offsets.length;
          return hasEnded;
        },
        "it to end",
        30_000,
      );
      // RabbitMQ takes an offset for itself now and then.
      for (const [index, offset] of offsets.entries())
        if (index > 0) expect(offset - offsets[index - 1]!).toBeLessThanOrEqual(2);
    },
  );

  test("what was not acknowledged is delivered again", async () => {
    const node = await sharedRabbitmq();
    const broker = openBroker([await node.vhost()]);
    const publisher = new RecordingPublisher();
    const consumer = new RecordingConsumer("by hand");
    broker.attachPublisher("wsmanager", publisher);
    broker.attachConsumer("group", 10, consumer);
    await startAndWait(broker);
    await publisher.publish(envelopeOf("one"), envelopeOf("two"), envelopeOf("three"));
    await until(() => consumer.deliveries.length === 3, "3 deliveries");
    consumer.session!.ack(1, false);
    // An ack has no answer: what is published behind it on the same connection would have, so look at the queue.
    await until(async () => (await unackedOf(node)) === 2, "the ack to arrive");
    await node.closeConnections();
    await until(() => consumer.deliveries.length === 5, "the other two again");
    expect(consumer.texts.slice(3).sort()).toEqual(["three", "two"]);
  });

  test("what a lost session held comes again in its old order, and how often is told", async () => {
    const node = await sharedRabbitmq();
    const broker = openBroker([await node.vhost()]);
    const publisher = new RecordingPublisher();
    const consumer = new RecordingConsumer("by hand");
    broker.attachPublisher("wsmanager", publisher);
    broker.attachConsumer("group", 20, consumer);
    await startAndWait(broker);
    const texts = Array.from({ length: 30 }, (_, index) => `message ${index}`);
    await publisher.publish(...texts.map((text) => envelopeOf(text)));
    for (let time = 1; time <= 3; time++) {
      await until(() => consumer.deliveries.length === 20 * time, "the whole prefetch");
      const seen = consumer.deliveries.slice(-20);
      expect(seen.map(({ envelope }) => envelope.body.toString())).toEqual(texts.slice(0, 20));
      expect(new Set(seen.map(({ returns }) => returns))).toEqual(new Set([time - 1]));
      if (time < 3) await node.closeConnections();
    }
    consumer.session!.ack(20, true);
    await until(() => consumer.deliveries.length === 70, "the others");
    expect(consumer.deliveries.slice(60).map(({ envelope }) => envelope.body.toString())).toEqual(
      texts.slice(20),
    );
    expect(consumer.deliveries.at(-1)!.returns).toBe(0);
  });

  test("what a session held that was stopped while it acknowledged comes again in its old order", async () => {
    const url = await freshVhost();
    const publisher = new RecordingPublisher();
    const publishing = openBroker([url]);
    publishing.attachPublisher("wsmanager", publisher);
    const consume = async () => {
      const broker = openBroker([url]);
      const consumer = new RecordingConsumer("by hand");
      broker.attachConsumer("group", 20, consumer);
      await startAndWait(broker);
      return { broker, consumer };
    };
    let { broker, consumer } = await consume();
    await startAndWait(publishing);
    await publisher.publish(...Array.from({ length: 200 }, (_, index) => envelopeOf(`${index}`)));
    for (let stop = 0; stop < 3; stop++) {
      await until(() => consumer.deliveries.length >= 20, "the whole prefetch");
      expect(consumer.texts.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, at) => `${10 * stop + at}`));
      // For each of these another one is on its way when the session stops.
      for (let tag = 1; tag <= 10; tag++) consumer.session!.ack(tag, false);
      consumer.session!.stop();
      await broker.close();
      ({ broker, consumer } = await consume());
    }
  });

  test("what a lost session had taken piece by piece comes again in its old order", async () => {
    const node = await sharedRabbitmq();
    const broker = openBroker([await node.vhost()]);
    const publisher = new RecordingPublisher();
    const consumer = new RecordingConsumer("by hand");
    broker.attachPublisher("wsmanager", publisher);
    broker.attachConsumer("group", 5, consumer);
    await startAndWait(broker);
    const texts = Array.from({ length: 30 }, (_, index) => `message ${index}`);
    await publisher.publish(...texts.map((text) => envelopeOf(text)));
    for (let held = 5; held < 30; held += 5) {
      await until(() => consumer.deliveries.length === held, `${held} deliveries`);
      consumer.session!.take(5);
    }
    await until(() => consumer.deliveries.length === 30, "all of them");
    await node.closeConnections();
    for (let again = 35; again <= 60; again += 5) {
      await until(() => consumer.deliveries.length === again, "what comes again");
      consumer.session!.take(5);
    }
    expect(consumer.texts.slice(30)).toEqual(texts);
  });

  test("a message with which each consumer dies is dead-lettered in the end", async () => {
    const url = await freshVhost();
    // The queue of the group is there, and nobody consumes it but those that die.
    const founder = openBroker([url]);
    founder.attachConsumer("group", 10, new RecordingConsumer());
    await startAndWait(founder);
    await founder.close();
    const broker = openBroker([url]);
    const publisher = new RecordingPublisher();
    broker.attachPublisher("wsmanager", publisher);
    await startAndWait(broker);
    await publisher.publish(envelopeOf("deadly"));
    // It dies while it holds the message. RabbitMQ 4.3 does not count what is given back by basic.nack.
    const holdAndDie = () =>
      asAnotherProgram(url, async (channel) => {
        await until(() => channel.get("wsmanager.group"), "the message, again");
      });
    for (let time = 0; time <= 20; time++) await holdAndDie();
    await asAnotherProgram(url, async (channel) => {
      const dead = await until(() => channel.get("wsmanager.dead", { noAck: true }), "the dead letter");
      expect((dead as GetMessage).content.toString()).toBe("deadly");
    });
  });

  test("another broker's consumer takes over", async () => {
    const url = await freshVhost();
    const [first, second] = [openBroker([url]), openBroker([url])];
    const publisher = new RecordingPublisher();
    const [held, takenOver] = [new RecordingConsumer("by hand"), new RecordingConsumer()];
    first.attachPublisher("wsmanager", publisher);
    first.attachConsumer("group", 10, held);
    await startAndWait(first);
    await publisher.publish(envelopeOf("one"), envelopeOf("two"));
    await until(() => held.deliveries.length === 2, "2 deliveries");
    second.attachConsumer("group", 10, takenOver);
    await startAndWait(second);
    await first.close();
    await until(() => takenOver.deliveries.length === 2, "both at the other consumer");
    expect(takenOver.texts.sort()).toEqual(["one", "two"]);
  });

  test("a broker that is not there yet is waited for", async () => {
    const url = await freshVhost();
    const { hostname, port, pathname } = new URL(url);
    const proxy = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const proxyPort = proxy.port;
    proxy.stop(true);
    const logger = new QuietLogger();
    // The first node never answers, the second one does.
    const broker = openBroker([`amqp://guest:guest@127.0.0.1:${proxyPort}${pathname}`], logger);
    broker.attachPublisher("wsmanager", new RecordingPublisher());
    broker.start(() => undefined);
    await until(() => logger.complaints.length > 0, "the complaint");
    expect(broker.status()).toMatchObject({ state: "connecting" });
    const relay = Bun.listen<{ peer?: Awaited<ReturnType<typeof Bun.connect>> }>({
      hostname: "127.0.0.1",
      port: proxyPort,
      socket: {
        async open(socket) {
          socket.data = {};
          socket.pause();
          socket.data.peer = await Bun.connect({
            hostname,
            port: Number(port),
            socket: { data: (_, bytes) => void socket.write(bytes), close: () => void socket.end() },
          });
          socket.resume();
        },
        data: (socket, bytes) => void socket.data.peer?.write(bytes),
        close: (socket) => void socket.data.peer?.end(),
      },
    });
    await until(() => broker.status().state === "ready", "the broker to be ready");
    expect(logger.complaints).toHaveLength(1);
    await broker.close();
    relay.stop(true);
  });

  test("the next node of a cluster is tried", async () => {
    const url = await freshVhost();
    const broker = openBroker(["amqp://guest:guest@127.0.0.1:1/", url]);
    broker.attachPublisher("wsmanager", new RecordingPublisher());
    await startAndWait(broker);
  });
});

type Node = Awaited<ReturnType<typeof sharedRabbitmq>>;

/** RabbitMQ takes itself for short of memory, or not. */
async function alarm(node: Node, isRaised: boolean): Promise<void> {
  await node.eval(`vm_memory_monitor:set_vm_memory_high_watermark(${isRaised ? "0.00001" : "0.4"})`);
}

/** The marks in the log by which followers find its end, up to one that is written now. Those that announce groups are not among them. */
async function marksIn(broker: Broker): Promise<readonly Envelope[]> {
  const end = await new Promise<number>((resolve) => broker.mark(resolve));
  const marks: Envelope[] = [];
  await new Promise<void>((resolve, reject) => {
    const reading = broker.read("first", {
      aheadMax: 32,
      record: (offset, _, envelope) => {
        reading.handled(1);
        if (envelope.messageId?.startsWith("mark-")) marks.push(envelope);
        if (offset >= end) resolve();
      },
      ended: reject,
    });
  });
  return marks;
}

/** Their process ids in RabbitMQ: other ones after a reconnect. */
async function connectionsOf(node: Node): Promise<string> {
  return await node.eval("lists:sort(rabbit_networking:connections())");
}

async function unackedOf(node: Node): Promise<number> {
  const total = await node.eval(
    "lists:sum([N || [{messages_unacknowledged, N}] <- lists:append([rabbit_amqqueue:info_all(V, [messages_unacknowledged]) || V <- rabbit_vhost:list_names()]), is_integer(N)])",
  );
  return Number(total);
}

function withoutRepeats(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
