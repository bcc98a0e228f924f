import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import type { LogReader, LogStart } from "../../../src/broker/broker.ts";
import { seal } from "../../../src/envelope/envelope.ts";
import { PastKeys } from "../../../src/gateway/fan-out/past-keys.ts";
import { KnownRepeats } from "../../../src/log/known-repeats.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { Repeats } from "../../../src/log/repeats.ts";
import { PastAtStart } from "../../../src/manager/past-at-start.ts";
import type { LoopTime, Task } from "../../../src/ops/loop-time.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const envelopeOf = (number: number) =>
  seal({ body: "x", topic: "t" }, `manager-0123456789ab-${number}`, "app", 1);

/** Has whatever waits done at once. */
const atOnce = { now: () => 0, ask: (task: Task) => task.run(1) } as LoopTime;

/** A manager that starts, and the reading of the log that it asks for. */
function started() {
  const readers: LogReader[] = [];
  const starts: LogStart[] = [];
  const learnt: string[] = [];
  const warnings: unknown[] = [];
  const broker = {
    hasLog: true,
    read: (start: LogStart, reader: LogReader) => {
      starts.push(start);
      readers.push(reader);
      return { handled: () => undefined, stop: () => undefined };
    },
  };
  const learn = (id: string) => learnt.push(id) === 0;
  const once = { windowMs: 120_000, learn, past: new PastKeys(atOnce) };
  const logger = { warn: (...what: unknown[]) => void warnings.push(what) };
  const known = new KnownRepeats();
  const repeats = new Repeats(known);
  const past = new PastAtStart(broker as never, once, repeats, 1024, logger as never);
  let knownCount = 0;
  past.onKnown = () => {
    knownCount++;
  };
  const record = (offset: number, number = offset) =>
    readers.at(-1)!.record(offset, "wsmanager", envelopeOf(number));
  const follow = (offset: number, number = offset) => {
    const envelope = envelopeOf(number);
    const followed = new LogRecord(offset, "wsmanager", envelope, () => ({ heads: [] }) as never);
    repeats.mark(followed, envelope);
    return followed;
  };
  const recordKey = (offset: number, id: string) =>
    readers.at(-1)!.record(offset, "wsmanager", { ...envelopeOf(offset), messageId: id });
  const keys = once.past;
  const knowings = () => knownCount;
  return {
    past,
    record,
    recordKey,
    follow,
    readers,
    starts,
    learnt,
    keys,
    warnings,
    known,
    knownCount: knowings,
  };
}

const keyId = (letter: string) => `once-${letter.repeat(22)}-1-1-3c`;

test("the past is being read until the reading comes to where the manager follows the log", () => {
  const { past, record, warnings, knownCount } = started();
  expect([past.isReading, past.isKnown]).toEqual([false, false]);
  past.reached(10);
  expect(past.isReading).toBe(true);
  record(9);
  expect([past.isKnown, knownCount()]).toEqual([false, 0]);
  record(10);
  expect([past.isReading, past.isKnown, warnings.length, knownCount()]).toEqual([false, true, 0, 1]);
});

test("what the follower took for new while the past was being read is known to be a repeat when that is read", () => {
  const { past, record, follow, known } = started();
  expect(follow(20, 1).repeated).toBeUndefined();
  past.reached(21);
  record(5, 1);
  record(6, 2);
  record(7, 1);
  // The reading comes to what the follower has read as well.
  record(20, 1);
  expect(follow(22, 2).repeated).toBe("all");
  record(21, 3);
  expect([5, 6, 7, 20, 22].map((offset) => known.of(offset))).toEqual([
    undefined,
    undefined,
    "all",
    "all",
    "all",
  ]);
  expect(known.from).toBe(5);
});

test("a reading that goes on after it was lost takes nothing that it has read before for a repeat", () => {
  const { past, record, readers, known } = started();
  past.reached(10);
  record(5);
  record(6);
  readers[0]!.ended("lost");
  jest.advanceTimersByTime(500);
  expect(readers.length).toBe(2);
  for (const offset of [5, 6, 7, 10]) record(offset);
  expect([5, 6, 7].map((offset) => known.of(offset))).toEqual([undefined, undefined, undefined]);
  expect([past.isKnown, known.from]).toEqual([true, 5]);
});

test("a log that begins anew ends the reading, since all of it comes to the follower", () => {
  const { past, warnings, knownCount } = started();
  past.reached(10);
  past.anotherLog();
  expect([past.isKnown, warnings.length, knownCount()]).toEqual([true, 0, 1]);
});

test("a log that begins anew unnoticed, and has no such place, does not keep the manager from being ready", () => {
  const { past, record, warnings } = started();
  past.reached(1_000_000);
  for (let offset = 0; offset < 70 && past.isReading; offset++) {
    record(offset);
    jest.advanceTimersByTime(1000);
  }
  expect([past.isReading, warnings.length]).toEqual([false, 1]);
});

describe("a manager whose clock is ahead of RabbitMQ's by more than the past is long", () => {
  test("reads the log's last records where the log goes on at once with what it follows", () => {
    const { past, record, starts, follow, known, warnings } = started();
    past.reached(5000);
    record(5000);
    expect([past.isReading, starts.at(-1)]).toEqual([true, 5000 - 1024]);
    record(3976);
    record(4999, 7);
    record(5000);
    expect([past.isKnown, known.from, warnings.length]).toEqual([true, 3976, 0]);
    expect(follow(5001, 7).isRepeat(0)).toBe(true);
  });

  test("and where nothing comes, since the time is yet to come", () => {
    const { past, record, starts, warnings } = started();
    past.reached(10);
    jest.advanceTimersByTime(16_000);
    expect([past.isReading, starts.at(-1)]).toEqual([true, 0]);
    record(3);
    record(10);
    expect([past.isKnown, warnings.length]).toEqual([true, 0]);
  });
});

test("a reading that is lost again and again ends, and one that gets nothing", () => {
  const { past, readers, warnings } = started();
  past.reached(10);
  for (let second = 0; second < 70 && past.isReading; second++) {
    readers.at(-1)!.ended("lost");
    jest.advanceTimersByTime(1000);
  }
  expect([past.isReading, warnings.length]).toEqual([false, 1]);
  const silent = started();
  silent.past.reached(10);
  jest.advanceTimersByTime(16_000);
  jest.advanceTimersByTime(16_000);
  expect([silent.past.isReading, silent.warnings.length]).toEqual([false, 1]);
});

describe("where more was published than is read before the manager serves", () => {
  test("the last part is read first, then the manager is known to be ready, and the rest is read for keys alone", () => {
    const { past, record, recordKey, starts, learnt, keys, warnings, known } = started();
    past.reached(1_000_000);
    record(500);
    expect([starts.at(-1), past.isReading]).toEqual([1_000_000 - 131_072, true]);
    recordKey(900_000, keyId("b"));
    record(900_001, 7);
    record(900_002, 7);
    let served = 0;
    expect(keys.waits(() => served++)).toBe(true);
    record(1_000_000);
    expect([past.isKnown, known.from, known.of(900_002), served]).toEqual([true, 900_000, "all", 0]);
    expect(starts.at(-1)).toEqual(starts[0]!);
    recordKey(501, keyId("a"));
    record(502, 7);
    expect([learnt, keys.areKnown]).toEqual([[keyId("b"), keyId("a")], false]);
    // What was read before.
    recordKey(900_000, keyId("b"));
    expect([learnt.length, keys.areKnown, served, known.of(502), warnings.length]).toEqual([
      2,
      true,
      1,
      undefined,
      0,
    ]);
  });

  test("what has a key waits for no more than a minute, whatever becomes of the reading", () => {
    const { past, record, recordKey, keys, readers, warnings } = started();
    past.reached(1_000_000);
    record(500);
    record(1_000_000);
    let served = 0;
    expect(keys.waits(() => served++)).toBe(true);
    for (let second = 0; second < 58; second++) {
      recordKey(501 + second, keyId("a"));
      if (second % 10 === 0) readers.at(-1)!.ended("lost");
      jest.advanceTimersByTime(1000);
    }
    expect(served).toBe(0);
    jest.advanceTimersByTime(2000);
    expect(served).toBe(1);
    recordKey(700, keyId("a"));
    expect(warnings.length).toBe(1);
  });

  test("another log, or the end of the manager, ends the reading of the rest", () => {
    for (const end of ["anotherLog", "close"] as const) {
      const { past, record, recordKey, learnt, keys } = started();
      past.reached(1_000_000);
      record(500);
      record(1_000_000);
      past[end]();
      expect(keys.areKnown).toBe(true);
      recordKey(501, keyId("a"));
      expect(learnt).toEqual([]);
    }
  });
});

test("as long as RabbitMQ is away what has a key waits for a few seconds after the start, and then for nothing", () => {
  const { past, keys, record } = started();
  let served = 0;
  expect(keys.waits(() => served++)).toBe(true);
  jest.advanceTimersByTime(4999);
  expect(served).toBe(0);
  jest.advanceTimersByTime(1);
  expect([served, keys.waits(() => served++)]).toEqual([1, false]);
  // Then it is there, and what was said before can be known again.
  past.reached(10);
  expect(keys.waits(() => served++)).toBe(true);
  record(9);
  record(10);
  expect([served, keys.areKnown]).toEqual([2, true]);
});

test("live clients wait ten seconds for it, counted anew when the way to the log is lost, which brings them nothing meanwhile", () => {
  const { past, readers, record, knownCount } = started();
  let late = 0;
  past.onLate = () => {
    late++;
  };
  past.reached(10);
  jest.advanceTimersByTime(9000);
  readers[0]!.ended("lost");
  jest.advanceTimersByTime(9000);
  expect([readers.length, late]).toEqual([2, 0]);
  record(9);
  jest.advanceTimersByTime(1000);
  expect(late).toBe(1);
  record(10);
  jest.advanceTimersByTime(60_000);
  expect([late, knownCount()]).toEqual([1, 1]);
});
