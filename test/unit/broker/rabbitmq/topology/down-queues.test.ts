import { beforeEach, describe, expect, test } from "bun:test";
import { FullQueues } from "../../../../../src/broker/rabbitmq/topology/full-queues.ts";
import { makeFakeClock } from "../../../doubles/fake-clock.ts";
import { FakeQueues } from "../../../doubles/fake-queues.ts";
import { RecordingLogger } from "../../../doubles/recording-logger.ts";
import { turn } from "../../../doubles/turn.ts";

const clock = makeFakeClock();
const timing = { lookEveryMs: 1000, tryFirstMs: 10_000, calmMs: 5000 };
const left = "wsmanager.left";

let queues: FakeQueues;
let logger: RecordingLogger;
let full: FullQueues;
beforeEach(() => {
  queues = new FakeQueues();
  logger = new RecordingLogger();
  full = new FullQueues(logger, () => 7, timing);
});

/** A message was refused: waits until the next one may be tried. Returns how long that took, in milliseconds. */
async function room(isOver = () => false): Promise<number> {
  const sinceMs = performance.now();
  await clock.passUntil(
    full.room("wsmanager", () => queues.names, queues, isOver),
    timing.lookEveryMs,
  );
  return performance.now() - sinceMs;
}

const why = () => full.waiting?.why;
const lines = () => logger.lines.map(({ level, message }) => `${level} ${message}`);

describe("a queue that was full when a message was tried", () => {
  beforeEach(async () => {
    queues.set(left, 100, 0);
    queues.refusing.add(left);
    expect(await room()).toBe(timing.tryFirstMs);
    expect(full.waiting?.queue).toBe(left);
  });

  test("and was purged before it was looked at again is tried at once, and is not said to be down", async () => {
    queues.set(left, 0, 0);
    queues.refusing.clear();
    expect(await room()).toBe(0);
    expect(why()).not.toInclude("does not serve it");
    expect(lines()).toEqual(["warn a queue is full: what is published waits"]);
  });

  test("and is down when it is looked at again is said to be down", async () => {
    queues.set(left, 0, 0);
    await room();
    expect(why()).toStartWith(`RabbitMQ has the queue ${left} and does not serve it`);
    expect(full.waiting?.queue).toBeUndefined();
    expect(lines().at(-1)).toBe("warn a queue is down: what is published waits");
  });

  test("and has as many messages as before is not asked again", async () => {
    await room();
    expect(queues.tried).toEqual([left]);
    expect(lines().at(-1)).toBe("debug the queue is still full");
  });
});

describe("a queue that was down when a message was tried", () => {
  beforeEach(async () => {
    queues.set(left, 0, 0);
    queues.refusing.add(left);
    expect(await room()).toBe(timing.tryFirstMs);
    expect(why()).toInclude("does not serve it");
  });

  test("and is served with all that is in it before it is looked at again is tried at once, and is not said to be full", async () => {
    queues.set(left, 5, 0);
    queues.refusing.clear();
    expect(await room()).toBe(0);
    expect(why()).not.toInclude("is full with");
  });

  test("and is full when it is looked at again is said to be full", async () => {
    queues.set(left, 5, 0);
    await room();
    expect(why()).toInclude("is full with 5 messages");
    expect(full.waiting?.queue).toBe(left);
  });

  test("is still down, and served again, in the words of the log, which name it", async () => {
    await room();
    full.taken();
    clock.step(timing.calmMs);
    expect(lines()).toEqual([
      "warn a queue is down: what is published waits",
      "debug the queue is still down",
      "info the queue is served again",
    ]);
    expect(logger.lines.at(-1)!.fields).toEqual({ queue: left, afterSeconds: 30, messagesWaited: 7 });
  });

  test("is tried as soon as it takes a message, also when it is empty and nobody consumes it", async () => {
    const waiting = room();
    queues.refusing.clear();
    expect(await waiting).toBe(timing.lookEveryMs);
  });

  test("and gives no answer is tried when a message is due", async () => {
    queues.silent.set(left, Promise.withResolvers<boolean>());
    const waitedMs = await room();
    expect(waitedMs).toBeGreaterThanOrEqual(2 * timing.tryFirstMs);
    expect(waitedMs).toBeLessThan(2.5 * timing.tryFirstMs);
    expect(why()).toInclude("does not serve it");
  });
});

test("a queue that gives no answer is waited for no longer than until a message is due, nor after the connection is lost", async () => {
  queues.set(left, 5, 0);
  queues.silent.set(left, Promise.withResolvers<boolean>());
  expect(await room()).toBeLessThan(2 * timing.tryFirstMs);
  let isLost = false;
  const waiting = room(() => isLost);
  await turn();
  isLost = true;
  full.lost();
  expect(await waiting).toBeLessThanOrEqual(2 * timing.lookEveryMs);
  expect(full.waiting).toBeUndefined();
});

test("a queue that is found late, and refuses messages again, is told of once", async () => {
  queues.set("wsmanager.busy", 500, 2);
  let looks = 0;
  const names = () => (looks++ > 1 ? ["wsmanager.busy", left] : ["wsmanager.busy"]);
  queues.set(left, 7, 0);
  queues.refusing.add(left);
  await clock.passUntil(
    full.room("wsmanager", names, queues, () => false),
    timing.lookEveryMs,
  );
  await room();
  expect(lines()).toEqual([
    "warn a queue is full: what is published waits",
    "warn the queue that is full was found",
    "debug the queue is still full",
  ]);
});
