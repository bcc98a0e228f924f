import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Broker } from "../../src/broker/broker.ts";
import type { Envelope } from "../../src/envelope/envelope.ts";
import { until } from "../support/wait.ts";
import {
  envelopeOf,
  RecordingConsumer,
  RecordingFollower,
  RecordingPublisher,
  startAndWait,
} from "./recorders.ts";

/**
 * The guarantees of `src/broker/broker.ts`, as tests that every implementation passes.
 *
 * @param openBroker opens a broker without any messages
 */
export function describeBrokerContract(name: string, openBroker: () => Promise<Broker>): void {
  describe(`${name} keeps the broker contract`, () => {
    let broker: Broker;
    let clients: RecordingPublisher;
    let answers: RecordingPublisher;

    beforeEach(async () => {
      broker = await openBroker();
      clients = new RecordingPublisher();
      answers = new RecordingPublisher();
      broker.attachPublisher("wsmanager", clients);
      broker.attachPublisher("towsmanager", answers);
    });
    afterEach(() => broker.close());

    test("is not ready before it is started", () => {
      expect(broker.status().state).toBe("connecting");
      expect(clients.link).toBeUndefined();
    });

    test("confirms every envelope, even where nobody receives it", async () => {
      await startAndWait(broker);
      await clients.publish(...texts(100).map((text) => envelopeOf(text)));
      expect(clients.confirmedTags.size).toBe(100);
      expect(clients.refusedTags).toEqual([]);
    });

    test("lets nobody publish before the groups are there", async () => {
      const consumer = new RecordingConsumer();
      const eager = new RecordingPublisher();
      const sent = texts(100);
      eager.onOpened = (link) => link.send(sent.map((text) => envelopeOf(text)));
      broker.attachPublisher("wsmanager", eager);
      broker.attachConsumer("group", 100, consumer);
      await startAndWait(broker);
      await until(() => eager.confirmedTags.size === sent.length, "100 confirms");
      await until(() => consumer.deliveries.length === sent.length, "100 deliveries");
      expect(consumer.texts).toEqual(sent);
    });

    test("counts the tags of each publisher for itself", async () => {
      await startAndWait(broker);
      await Promise.all([
        clients.publish(envelopeOf("one"), envelopeOf("two")),
        answers.publish(envelopeOf("three")),
      ]);
      expect([...clients.confirmedTags]).toEqual([1, 2]);
      expect([...answers.confirmedTags]).toEqual([1]);
    });

    test("delivers to a group in the order of publishing", async () => {
      const consumer = new RecordingConsumer();
      broker.attachConsumer("group", 50, consumer);
      await startAndWait(broker);
      for (let part = 0; part < 5; part++) {
        await clients.publish(...texts(100).map((text) => envelopeOf(`${part}/${text}`)));
      }
      await until(() => consumer.deliveries.length >= 500, "500 deliveries");
      expect(consumer.texts).toEqual(
        [0, 1, 2, 3, 4].flatMap((part) => texts(100).map((text) => `${part}/${text}`)),
      );
    });

    test("numbers the deliveries of a session from 1", async () => {
      const consumer = new RecordingConsumer();
      broker.attachConsumer("group", 10, consumer);
      await startAndWait(broker);
      await clients.publish(envelopeOf("one"), envelopeOf("two"), envelopeOf("three"));
      await until(() => consumer.deliveries.length === 3, "3 deliveries");
      expect(consumer.deliveries.map(({ tag }) => tag)).toEqual([1, 2, 3]);
    });

    test("gives every group every envelope, and shares them within a group", async () => {
      const [one, two, other] = [new RecordingConsumer(), new RecordingConsumer(), new RecordingConsumer()];
      broker.attachConsumer("shared", 10, one);
      broker.attachConsumer("shared", 10, two);
      broker.attachConsumer("other", 10, other);
      await startAndWait(broker);
      await clients.publish(...texts(100).map((text) => envelopeOf(text)));
      await until(() => other.deliveries.length === 100, "100 deliveries to the other group");
      await until(
        () => one.deliveries.length + two.deliveries.length === 100,
        "100 deliveries to the shared group",
      );
      expect([...one.texts, ...two.texts].sort()).toEqual(texts(100).sort());
      expect(one.deliveries.length).toBeGreaterThan(0);
      expect(two.deliveries.length).toBeGreaterThan(0);
    });

    test("delivers no more than the prefetch before the first ack, and goes on after it", async () => {
      const consumer = new RecordingConsumer("by hand");
      const witness = new RecordingConsumer();
      broker.attachConsumer("group", 10, consumer);
      broker.attachConsumer("witness", 100, witness);
      await startAndWait(broker);
      await clients.publish(...texts(30).map((text) => envelopeOf(text)));
      await until(() => witness.deliveries.length === 30, "all to have passed");
      await until(() => consumer.deliveries.length >= 10, "the prefetch to be used up");
      expect(consumer.deliveries.length).toBe(10);
      consumer.session!.ack(10, true);
      await until(() => consumer.deliveries.length >= 20, "ten more");
      consumer.session!.ack(11, false);
      await until(() => consumer.deliveries.length >= 21, "one more");
      expect(consumer.texts).toEqual(texts(30).slice(0, consumer.deliveries.length));
    });

    test("delivers nothing more after a stop, and still takes acks", async () => {
      const consumer = new RecordingConsumer("by hand");
      const witness = new RecordingConsumer();
      broker.attachConsumer("group", 2, consumer);
      broker.attachConsumer("witness", 10, witness);
      await startAndWait(broker);
      await clients.publish(...texts(4).map((text) => envelopeOf(text)));
      await until(() => consumer.deliveries.length === 2, "2 deliveries");
      consumer.session!.stop();
      consumer.session!.ack(2, true);
      await clients.publish(envelopeOf("after the stop"));
      await until(() => witness.deliveries.length === 5, "all to have passed");
      expect(consumer.texts).toEqual(texts(2));
    });

    test("does not deliver to groups what is published to clients", async () => {
      const consumer = new RecordingConsumer();
      broker.attachConsumer("group", 10, consumer);
      await startAndWait(broker);
      await answers.publish(envelopeOf("an answer"));
      await clients.publish(envelopeOf("a question"));
      await until(() => consumer.deliveries.length > 0, "a delivery");
      expect(consumer.texts).toEqual(["a question"]);
    });

    test("shows all followers both exchanges in the same order, with rising offsets", async () => {
      const [one, two] = [new RecordingFollower(), new RecordingFollower()];
      broker.attachFollower(one);
      broker.attachFollower(two);
      await startAndWait(broker);
      await Promise.all([
        clients.publish(...texts(50).map((text) => envelopeOf(`question ${text}`))),
        answers.publish(...texts(50).map((text) => envelopeOf(`answer ${text}`))),
      ]);
      await until(() => one.records.length === 100 && two.records.length === 100, "100 records each");
      expect(one.texts).toEqual(two.texts);
      expect(one.records.map(({ exchange }) => exchange)).toEqual(
        two.records.map(({ exchange }) => exchange),
      );
      const offsets = one.records.map(({ offset }) => offset);
      expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
      expect(one.texts.filter((text) => text.startsWith("question"))).toEqual(
        texts(50).map((text) => `question ${text}`),
      );
      for (const { exchange, envelope } of one.records) {
        const isAnswer = envelope.body.toString().startsWith("answer");
        expect(exchange).toBe(isAnswer ? "towsmanager" : "wsmanager");
      }
    });

    test("marks how far the log reaches, at the beginning and when asked", async () => {
      const follower = new RecordingFollower();
      broker.attachFollower(follower);
      await startAndWait(broker);
      await until(() => follower.marks.length === 1, "the mark of the session");
      await clients.publish(envelopeOf("before"));
      const [first, second] = await Promise.all([
        new Promise<number>((resolve) => broker.mark(resolve)),
        new Promise<number>((resolve) => broker.mark(resolve)),
      ]);
      expect(follower.texts).toEqual(["before"]);
      const before = follower.records[0]!.offset;
      expect(before).toBeGreaterThan(follower.marks[0]!);
      expect(Math.min(first, second)).toBeGreaterThan(before);
      await clients.publish(envelopeOf("behind"));
      await until(() => follower.records.length === 2, "the record behind the marks");
      expect(follower.records[1]!.offset).toBeGreaterThan(Math.max(first, second));
    });

    test("carries out no marks or readings after close", async () => {
      broker.attachFollower(new RecordingFollower());
      await startAndWait(broker);
      const told: string[] = [];
      await broker.close();
      broker.mark(() => told.push("mark"));
      const reading = broker.read("first", {
        aheadMax: 32,
        record: () => told.push("record"),
        ended: () => told.push("ended"),
      });
      reading.stop();
      await Bun.sleep(50);
      expect(told).toEqual([]);
    });

    const shapes: Record<string, Partial<Envelope>> = {
      "with every part": {
        routingKey: "stock.nyse.ibm",
        headers: {
          größe: "ü😀",
          "content-encoding": "identity",
          priority: "9",
          "correlation-id": "c-1",
          "reply-to": "answers",
          expiration: "60000",
          type: "order",
        },
      },
      "with a part missing": {
        contentType: undefined,
        messageId: undefined,
        timestamp: undefined,
        appId: undefined,
      },
      "from nobody": { clientId: undefined },
      "with an empty body": { body: Buffer.alloc(0) },
      "with bytes that are not UTF-8": {
        body: Buffer.from([0, 255, 254, 128, 10]),
        contentType: "application/octet-stream",
      },
      "with a body of a megabyte": { body: Buffer.alloc(1024 ** 2, "x") },
      "with a routing key of 255 bytes": { routingKey: "x".repeat(255) },
      "with a routing key that looks like a pattern": { routingKey: "#.*.a..b" },
    };
    for (const [shape, parts] of Object.entries(shapes)) {
      test(`carries an envelope ${shape} unchanged`, async () => {
        const consumer = new RecordingConsumer();
        const follower = new RecordingFollower();
        broker.attachConsumer("group", 10, consumer);
        broker.attachFollower(follower);
        await startAndWait(broker);
        const sent = envelopeOf("text", parts);
        await clients.publish(sent);
        await until(() => consumer.deliveries.length === 1 && follower.records.length === 1, "the envelope");
        expect(consumer.deliveries[0]!.envelope).toEqual(sent);
        expect(follower.records[0]!.envelope).toEqual(sent);
      });
    }

    test("takes a send after close without a word, and delivers nothing any more", async () => {
      const consumer = new RecordingConsumer();
      broker.attachConsumer("group", 10, consumer);
      await startAndWait(broker);
      const link = clients.link!;
      const session = consumer.session!;
      await broker.close();
      expect(broker.status().state).toBe("closed");
      expect(clients.link).toBeUndefined();
      expect(consumer.session).toBeUndefined();
      link.send([envelopeOf("too late")]);
      session.ack(1, false);
      session.stop();
      await broker.close();
      expect(consumer.deliveries).toEqual([]);
    });
  });
}

function texts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `message ${index}`);
}
