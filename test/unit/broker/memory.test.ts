import { describe, expect, test } from "bun:test";
import type { Consumer, ConsumeSession, PublishLink } from "../../../src/broker/broker.ts";
import { MemoryBroker, queueBytesMax } from "../../../src/broker/memory.ts";
import type { Envelope } from "../../../src/envelope/envelope.ts";
import { seal } from "../../../src/envelope/envelope.ts";
import { turn } from "../doubles/turn.ts";

// What every broker guarantees is in test/contract; here is what only the embedded one has.

class Publishing {
  readonly waitingCount = 0;
  link: PublishLink | undefined;
  readonly blocks: boolean[] = [];

  opened(link: PublishLink): void {
    this.link = link;
  }
  closed(): void {
    this.link = undefined;
  }
  blocked(isBlocked: boolean): void {
    this.blocks.push(isBlocked);
  }
  confirmed(): void {
    // It does not matter here.
  }
  refused(): void {
    throw new Error("the embedded broker refuses nothing");
  }
}

class Consuming implements Consumer {
  session: ConsumeSession | undefined;
  readonly bodies: string[] = [];

  opened(session: ConsumeSession): void {
    this.session = session;
  }
  deliver(_: number, envelope: Envelope): void {
    this.bodies.push(envelope.body.toString("utf8", 0, 20));
  }
  closed(): void {
    this.session = undefined;
  }
}

const text = (body: string) => seal({ body, topic: "" }, "id", "app", 1);

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

describe("a group that is too slow", () => {
  async function overfull() {
    const broker = new MemoryBroker();
    const [clients, answers] = [new Publishing(), new Publishing()];
    const consumer = new Consuming();
    broker.attachPublisher("wsmanager", clients);
    broker.attachPublisher("towsmanager", answers);
    broker.attachConsumer("g", 1, consumer);
    broker.start();
    const mebibyte = text("x".repeat(1024 ** 2));
    clients.link!.send([text("first"), ...Array.from({ length: queueBytesMax / 1024 ** 2 }, () => mebibyte)]);
    await turns(3);
    return { broker, clients, answers, consumer };
  }

  test("blocks clients that publish to it, but not processors that answer", async () => {
    const { broker, clients, answers } = await overfull();
    expect(clients.blocks).toEqual([true]);
    expect(answers.blocks).toEqual([]);
    expect(broker.status()).toMatchObject({ state: "blocked" });
    await broker.close();
  });

  test("counts what messages without a body take: they cost some hundreds of bytes each", async () => {
    const broker = new MemoryBroker();
    const clients = new Publishing();
    broker.attachPublisher("wsmanager", clients);
    broker.attachConsumer("g", 1, new Consuming());
    broker.start();
    const thousand = Array.from({ length: 1000 }, () => text(""));
    for (let sent = 0; clients.blocks.length === 0 && sent < queueBytesMax / 100; sent += 1000) {
      clients.link!.send(thousand);
      await turn();
    }
    expect(clients.blocks).toEqual([true]);
    await broker.close();
  });

  test("unblocks them when half of it is gone", async () => {
    const { broker, clients, consumer } = await overfull();
    while (clients.blocks.length === 1) {
      consumer.session!.ack(consumer.bodies.length, false);
      await turn();
    }
    expect(clients.blocks).toEqual([true, false]);
    expect(broker.status()).toEqual({ state: "ready" });
    expect(consumer.bodies.length).toBeGreaterThan(queueBytesMax / 2 / 1024 ** 2);
    expect(consumer.bodies.length).toBeLessThan((queueBytesMax / 1024 ** 2) * 0.6);
    await broker.close();
  });
});

describe("settling", () => {
  function working() {
    const broker = new MemoryBroker();
    const publisher = new Publishing();
    const consumer = new Consuming();
    broker.attachPublisher("wsmanager", publisher);
    broker.attachConsumer("g", 10, consumer);
    broker.start();
    return { broker, publisher, consumer };
  }

  test("waits until consumers have acknowledged everything", async () => {
    const { broker, publisher, consumer } = working();
    publisher.link!.send([text("one"), text("two")]);
    await turns(3);
    let isSettled = false;
    const settled = broker.settle(60_000).then(() => {
      isSettled = true;
    });
    await turns(3);
    expect(isSettled).toBe(false);
    consumer.session!.ack(2, true);
    await settled;
    expect(isSettled).toBe(true);
  });

  test("waits no longer than its timeout", async () => {
    const { broker, publisher } = working();
    publisher.link!.send([text("one")]);
    await turns(3);
    await broker.settle(5);
    await broker.settle(0);
  });

  test("has nothing to wait for where nothing is", async () => {
    await working().broker.settle(60_000);
  });
});

test("its status tells its life", async () => {
  const broker = new MemoryBroker();
  expect(broker.status().state).toBe("connecting");
  broker.start();
  expect(broker.status()).toEqual({ state: "ready" });
  await broker.close();
  await broker.close();
  expect(broker.status()).toEqual({ state: "closed" });
});

test("thousands of messages that are published at once are routed and confirmed some in each turn of the event loop, in order", async () => {
  const broker = new MemoryBroker();
  const publishing = new Publishing();
  const confirmed: number[] = [];
  publishing.confirmed = (tag?: number) => void confirmed.push(tag!);
  broker.attachPublisher("towsmanager", publishing);
  const got: string[] = [];
  broker.attachFollower({
    patienceMs: 0,
    record: (_, exchange, { body }) => void got.push(`${exchange} ${body}`),
    marked: () => undefined,
    missed: () => undefined,
  });
  broker.start();
  await turns(2);
  const numbers = Array.from({ length: 2000 }, (_, index) => `${index}`);
  for (const from of [0, 700, 1400]) publishing.link!.send(numbers.slice(from, from + 700).map(text));
  let before = 0;
  for (let more = 0; got.length < 2000; more++) {
    expect(more).toBeLessThan(50);
    await turn();
    expect(got.length - before).toBeLessThanOrEqual(512);
    expect(confirmed.at(-1) ?? 0).toBe(got.length);
    before = got.length;
  }
  expect(got).toEqual(numbers.map((number) => `towsmanager ${number}`));
  await broker.close();
});

test("a consumer gets thousands that wait for it some in each turn of the event loop, in order", async () => {
  const broker = new MemoryBroker();
  const publishing = new Publishing();
  const consuming = new Consuming();
  broker.attachPublisher("wsmanager", publishing);
  broker.attachConsumer("g", 1, consuming);
  broker.start();
  await turns(2);
  const numbers = Array.from({ length: 2000 }, (_, index) => `${index}`);
  publishing.link!.send(numbers.map(text));
  for (let more = 0; broker.queuedIn("g") !== 1999; more++) {
    expect(more).toBeLessThan(50);
    await turn();
  }
  consuming.session!.take(5000);
  for (let more = 0; consuming.bodies.length < 2000; more++) {
    const before = consuming.bodies.length;
    expect(more).toBeLessThan(50);
    await turn();
    expect(consuming.bodies.length - before).toBeLessThanOrEqual(512);
  }
  expect(consuming.bodies).toEqual(numbers);
  await broker.close();
});
