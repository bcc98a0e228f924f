import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Channel, connect } from "amqplib";
import { type Broker, type BrokerStatus, markContentType } from "../../src/broker/broker.ts";
import { defaultTiming } from "../../src/broker/rabbitmq/connection/link-timing.ts";
import { witnessOf } from "../../src/broker/rabbitmq/connection/witness-name.ts";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import { groupMarks, writeGroupMark } from "../../src/broker/rabbitmq/topology/group-marks.ts";
import { Outbox } from "../../src/outbox/outbox.ts";
import {
  envelopeOf,
  RecordingConsumer,
  RecordingFollower,
  RecordingPublisher,
  startAndWait,
} from "../contract/recorders.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { QuietLogger } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";

/** What a confirm means on RabbitMQ, which itself confirms what reaches no queue. */

setDefaultTimeout(integrationTimeoutMs);

/** What is missing is said within this time, in milliseconds. */
const saidWithinMs = 2000;

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

const freshVhost = async () => (await sharedRabbitmq()).vhost();

function openBroker(url: string, name = "test"): Broker {
  const broker = new RabbitmqBroker({
    urls: [url],
    name,
    logger: new QuietLogger(),
    logRetention: { maxBytes: 16 * 1024 ** 2, maxAgeMs: 86_400_000 },
    timing: { ...defaultTiming, backoff: { firstMs: 20, mostMs: 200 } },
  });
  opened.push(broker);
  return broker;
}

/** Another program's channel, open to the test's end. */
async function foreignChannel(url: string): Promise<Channel> {
  const connection = await connect(url);
  opened.push(connection);
  return await connection.createChannel();
}

/** What a broker has said about itself; looked at all the time. */
function watching(broker: Broker) {
  const said = new Set<string>();
  const timer = setInterval(() => {
    const status: BrokerStatus = broker.status();
    if ("why" in status) said.add(status.why);
  }, 5);
  opened.push({ close: async () => clearInterval(timer) });
  return said;
}

/** Resolves when the queue is there, asked on channels that live for one question. */
async function isThere(url: string, queue: string): Promise<void> {
  await until(async () => {
    const connection = await connect(url);
    try {
      const channel = await connection.createChannel();
      channel.on("error", () => undefined);
      return await channel.checkQueue(queue);
    } finally {
      await connection.close();
    }
  }, `the queue ${queue} to be there`);
}

/** Whether a publisher has its first witness of the queue, in a vhost where it found every slot free. */
async function hasWitness(url: string, queue: string): Promise<boolean> {
  const connection = await connect(url);
  try {
    for (let slot = 1; slot <= 8; slot++) {
      const channel = await connection.createChannel();
      channel.on("error", () => undefined);
      const found = await channel.checkExchange(witnessOf(queue, slot)).catch(() => undefined);
      if (found !== undefined) return true;
    }
    return false;
  } finally {
    await connection.close();
  }
}

/** All texts that the log has, once it has so many. */
async function logHas(url: string, count: number): Promise<string[]> {
  const texts: string[] = [];
  const channel = await foreignChannel(url);
  await channel.prefetch(100);
  await channel.consume(
    "wsmanager.log",
    (message) => {
      if (message === null) return;
      if (message.properties.contentType !== markContentType) texts.push(message.content.toString());
      channel.ack(message);
    },
    { arguments: { "x-stream-offset": "first" } },
  );
  await untilCount(() => texts.length, count, `${count} messages in the log`);
  return texts;
}

const texts = (count: number) => Array.from({ length: count }, (_, index) => `message ${index}`);

describe("what RabbitMQ confirms to a publisher alone", () => {
  for (const exchange of ["wsmanager", "towsmanager"] as const) {
    test(`is in the log, from the first message to ${exchange} on`, async () => {
      const url = await freshVhost();
      const broker = openBroker(url);
      const publisher = new RecordingPublisher();
      publisher.onOpened = (link) => link.send(texts(100).map((text) => envelopeOf(text)));
      broker.attachPublisher(exchange, publisher);
      await startAndWait(broker);
      await untilCount(() => publisher.confirmedTags.size, 100, "100 confirms");
      expect(await logHas(url, 100)).toEqual(texts(100));
    });
  }

  test("is in the queue of dead letters", async () => {
    const url = await freshVhost();
    const broker = openBroker(url);
    const publisher = new RecordingPublisher();
    publisher.onOpened = (link) => link.send([envelopeOf("bad")]);
    broker.attachPublisher("wsmanager.dead", publisher);
    await startAndWait(broker);
    await until(() => publisher.confirmedTags.size === 1, "the confirm");
    const letter = await (await foreignChannel(url)).get("wsmanager.dead", { noAck: true });
    expect(letter !== false && letter.content.toString()).toBe("bad");
  });
});

describe("what goes while nothing is published", () => {
  const gone: Record<string, (channel: Channel) => Promise<unknown>> = {
    "the queue wsmanager.log": (channel) => channel.deleteQueue("wsmanager.log"),
    "the queue wsmanager.group": (channel) => channel.deleteQueue("wsmanager.group"),
    "the queue wsmanager.dead": (channel) => channel.deleteQueue("wsmanager.dead"),
    "the exchange wsmanager": (channel) => channel.deleteExchange("wsmanager"),
    "the exchange wsmanager.queues": (channel) => channel.deleteExchange("wsmanager.queues"),
    "the exchange towsmanager.queues": (channel) => channel.deleteExchange("towsmanager.queues"),
    "the exchange wsmanager.dead": (channel) => channel.deleteExchange("wsmanager.dead"),
  };
  for (const [what, remove] of Object.entries(gone)) {
    test(`is missed by name and declared again: ${what}`, async () => {
      const url = await freshVhost();
      const broker = openBroker(url);
      const [clients, answers, dead] = [1, 2, 3].map(() => new RecordingPublisher()) as [
        RecordingPublisher,
        RecordingPublisher,
        RecordingPublisher,
      ];
      const consumer = new RecordingConsumer();
      broker.attachPublisher("wsmanager", clients);
      broker.attachPublisher("towsmanager", answers);
      broker.attachPublisher("wsmanager.dead", dead);
      broker.attachConsumer("group", 10, consumer);
      await startAndWait(broker);
      const said = watching(broker);
      await remove(await foreignChannel(url));
      const missed = `${what} is missing: declaring it again`;
      const isSaid = () =>
        [...said].some((why) => why.includes(missed) || why.includes(`${what} has gone or moved`));
      await until(isSaid, missed, saidWithinMs);
      await until(() => broker.status().state === "ready", "the broker to be ready again");
      await clients.publish(envelopeOf("question"));
      await answers.publish(envelopeOf("answer"));
      await dead.publish(envelopeOf("bad"));
      await until(() => consumer.texts.includes("question"), "the delivery");
      expect((await logHas(url, 2)).slice(-2).sort()).toEqual(["answer", "question"]);
      const letter = await (await foreignChannel(url)).get("wsmanager.dead", { noAck: true });
      expect(letter !== false && letter.content.toString()).toBe("bad");
    });
  }
});

test("a public exchange that another program has declared again, without Warren's queues, is bound again before a confirm counts", async () => {
  const url = await freshVhost();
  const broker = openBroker(url);
  const outbox = new Outbox("app", false);
  broker.attachPublisher("wsmanager", outbox);
  await startAndWait(broker);
  const channel = await foreignChannel(url);
  await channel.deleteExchange("wsmanager");
  await channel.assertExchange("wsmanager", "fanout", { durable: true });
  outbox.append({ topic: "a", body: "kept", clientId: undefined, headers: undefined });
  await until(() => outbox.isEmpty, "the confirm");
  expect(await logHas(url, 1)).toEqual(["kept"]);
});

describe("a queue of another type in the log's place", () => {
  const noStream = "the queue wsmanager.log is no stream: delete it";

  for (const type of ["classic", "quorum"]) {
    test(`takes nothing for which a confirm counts, and the log is declared again when it has gone: ${type}`, async () => {
      const url = await freshVhost();
      const broker = openBroker(url);
      const [outbox, follower] = [new Outbox("app", false), new RecordingFollower()];
      broker.attachPublisher("wsmanager", outbox);
      broker.attachFollower(follower);
      await startAndWait(broker);
      const said = watching(broker);
      const channel = await foreignChannel(url);
      await channel.deleteQueue("wsmanager.log");
      await channel.assertQueue("wsmanager.log", { durable: true, arguments: { "x-queue-type": type } });
      outbox.append({ topic: "a", body: "kept", clientId: undefined, headers: undefined });
      await until(() => [...said].some((why) => why.includes(noStream)), "an operator to be told");
      // Longer than it takes to connect again, and to confirm.
      await Bun.sleep(1000);
      expect(outbox.isEmpty).toBe(false);
      await channel.deleteQueue("wsmanager.log");
      await until(() => outbox.isEmpty, "the confirm");
      expect(await logHas(url, 1)).toEqual(["kept"]);
      await until(() => follower.texts.length > 0, "the record");
      expect(follower.texts).toEqual(["kept"]);
    });
  }

  test("is told to an operator at the start, too", async () => {
    const url = await freshVhost();
    const channel = await foreignChannel(url);
    await channel.assertQueue("wsmanager.log");
    const broker = openBroker(url);
    broker.attachPublisher("wsmanager", new RecordingPublisher());
    const said = watching(broker);
    broker.start(() => undefined);
    await until(() => [...said].some((why) => why.includes(noStream)), "an operator to be told");
  });
});

describe("the queue of a group whose processors run elsewhere", () => {
  /** A manager, and another program that speaks for a processor. */
  async function managerAndProcessor() {
    const url = await freshVhost();
    const broker = openBroker(url);
    const publisher = new RecordingPublisher();
    const follower = new RecordingFollower();
    broker.attachPublisher("wsmanager", publisher);
    broker.attachFollower(follower);
    await startAndWait(broker);
    const channel = await foreignChannel(url);
    const arguments_ = { "x-queue-type": "quorum" };
    await channel.assertQueue("wsmanager.far", { durable: true, arguments: arguments_ });
    const say = async (what: Parameters<typeof writeGroupMark>[1]) => {
      writeGroupMark(channel, what, "far", "far-1");
      // What is asked now is answered after it.
      await channel.checkExchange("wsmanager.log");
      await new Promise<number>((resolve) => broker.mark(resolve));
    };
    await say("here");
    return { url, broker, publisher, follower, channel, say };
  }

  test("is declared again by a manager that has heard of it", async () => {
    const { url, publisher, channel } = await managerAndProcessor();
    await channel.deleteQueue("wsmanager.far");
    await isThere(url, "wsmanager.far");
    await until(() => publisher.linkCount === 2 && publisher.link, "a new link");
    await publisher.publish(envelopeOf("question"));
    const delivery = await channel.get("wsmanager.far", { noAck: true });
    expect(delivery !== false && delivery.content.toString()).toBe("question");
  });

  test("that another program deletes and declares again at once gets what was confirmed after that", async () => {
    const { url, publisher, channel } = await managerAndProcessor();
    await until(() => hasWitness(url, "wsmanager.far"), "the manager to know its queue from another one");
    // Nobody else binds it, so what is published now reaches the log alone.
    const arguments_ = { "x-queue-type": "quorum" };
    await channel.deleteQueue("wsmanager.far");
    await channel.assertQueue("wsmanager.far", { durable: true, arguments: arguments_ });
    publisher.onOpened = (link) => link.send([envelopeOf("question")]);
    publisher.link?.send([envelopeOf("question")]);
    await until(() => publisher.confirmedTags.size === 1, "a confirm that counts");
    const delivery = await channel.get("wsmanager.far", { noAck: true });
    expect(delivery !== false && delivery.content.toString()).toBe("question");
  });

  test("gets what was confirmed after another program has declared the inner exchange again at once, and left it out", async () => {
    const { url, publisher, channel } = await managerAndProcessor();
    await until(() => hasWitness(url, "wsmanager.far"), "the manager to know its queue");
    await channel.deleteExchange("wsmanager.queues");
    await channel.assertExchange("wsmanager.queues", "fanout", { durable: true, internal: true });
    await channel.bindExchange("wsmanager.queues", "wsmanager.packed", "");
    await channel.bindQueue("wsmanager.log", "wsmanager.queues", "");
    publisher.onOpened = (link) => link.send([envelopeOf("question")]);
    publisher.link?.send([envelopeOf("question")]);
    await until(() => publisher.confirmedTags.size === 1, "a confirm that counts");
    const delivery = await channel.get("wsmanager.far", { noAck: true });
    expect(delivery !== false && delivery.content.toString()).toBe("question");
  });

  test("is none that a message to clients or from them names", async () => {
    const { url, channel, say } = await managerAndProcessor();
    for (const exchange of ["wsmanager", "towsmanager"])
      channel.publish(exchange, "forged", Buffer.alloc(0), {
        contentType: markContentType,
        messageId: groupMarks.here,
        appId: "forged-1",
        timestamp: Math.floor(Date.now() / 1000),
      });
    // The manager has heard it then.
    await say("here");
    await channel.deleteQueue("wsmanager.far");
    await isThere(url, "wsmanager.far");
    const other = await foreignChannel(url);
    other.on("error", () => undefined);
    await expect(other.checkQueue("wsmanager.forged")).rejects.toThrow("NOT_FOUND");
  });

  test("is declared again when it goes between two processors, of which the first has left and the next is yet to come", async () => {
    const { url, broker, publisher, channel } = await managerAndProcessor();
    const processor = openBroker(url, "processor-1");
    processor.attachPublisher("towsmanager", new RecordingPublisher());
    processor.attachConsumer("near", 10, new RecordingConsumer());
    await startAndWait(processor);
    await until(() => hasWitness(url, "wsmanager.near"), "the manager to have heard of its group");
    await processor.close();
    // It has read all that the processor said.
    await new Promise<number>((resolve) => broker.mark(resolve));
    await channel.deleteQueue("wsmanager.near");
    await isThere(url, "wsmanager.near");
    await until(() => publisher.linkCount === 2 && publisher.link, "a new link");
    await publisher.publish(envelopeOf("question"));
    const next = new RecordingConsumer();
    const successor = openBroker(url, "processor-2");
    successor.attachPublisher("towsmanager", new RecordingPublisher());
    successor.attachConsumer("near", 10, next);
    await startAndWait(successor);
    await until(() => next.texts.length > 0, "the delivery");
    expect(next.texts).toEqual(["question"]);
  });

  test("is not, once the group is said to be removed", async () => {
    const { broker, publisher, channel, say } = await managerAndProcessor();
    await say("removed");
    await channel.deleteQueue("wsmanager.far");
    // Longer than it takes to miss what is relied on.
    const said = watching(broker);
    await Bun.sleep(2500);
    expect([...said]).toEqual([]);
    expect(publisher.linkCount).toBe(1);
  });

  test("is bound again when the inner exchange went, whether or not it has a processor", async () => {
    const { publisher, channel, say } = await managerAndProcessor();
    await say("removed");
    await channel.deleteExchange("wsmanager.queues");
    await until(() => publisher.linkCount === 2 && publisher.link, "a new link");
    await publisher.publish(envelopeOf("question"));
    const delivery = await channel.get("wsmanager.far", { noAck: true });
    expect(delivery !== false && delivery.content.toString()).toBe("question");
  });

  test("is named by the marks of a processor, which clients of managers do not get", async () => {
    const { url, broker, publisher, follower, channel } = await managerAndProcessor();
    const processor = openBroker(url, "processor-1");
    const consumer = new RecordingConsumer();
    processor.attachPublisher("towsmanager", new RecordingPublisher());
    processor.attachConsumer("near", 10, consumer);
    await startAndWait(processor);
    // Both miss it, also the one that asks when the other has declared it again.
    const [saidByManager, saidByProcessor] = [watching(broker), watching(processor)];
    await channel.deleteExchange("wsmanager.queues");
    await until(() => saidByManager.size > 0 && saidByProcessor.size > 0, "both to miss it");
    const areReady = () => [broker, processor].every((each) => each.status().state === "ready");
    await until(areReady, "both to be ready again");
    await publisher.publish(envelopeOf("question"));
    await until(() => consumer.texts.length > 0, "the delivery");
    expect(consumer.texts).toEqual(["question"]);
    await until(() => follower.texts.length > 0, "the record");
    expect(follower.texts).toEqual(["question"]);
  });
});
