import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import type { LogReader } from "../../../src/broker/broker.ts";
import { KeysAtStart } from "../../../src/manager/keys-at-start.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** A manager that starts, and the reading of the log that it asks for. */
function started() {
  const readers: LogReader[] = [];
  const warnings: unknown[] = [];
  const broker = {
    hasLog: true,
    read: (_: unknown, reader: LogReader) => {
      readers.push(reader);
      return { handled: () => undefined, stop: () => undefined };
    },
  };
  const once = { windowMs: 120_000, learn: () => undefined };
  const logger = { warn: (...what: unknown[]) => void warnings.push(what) };
  const keys = new KeysAtStart(broker as never, once as never, logger as never);
  const record = (offset: number) =>
    readers.at(-1)!.record(offset, "wsmanager", {
      routingKey: "t",
      body: Buffer.alloc(0),
      contentType: "text/plain",
      messageId: "manager-1-1",
    } as never);
  return { keys, record, readers, warnings };
}

test("keys are being read until the reading comes to where the manager follows the log", () => {
  const { keys, record, warnings } = started();
  expect(keys.isReading).toBe(false);
  keys.reached(10);
  expect(keys.isReading).toBe(true);
  record(9);
  expect(keys.isReading).toBe(true);
  record(10);
  expect([keys.isReading, warnings.length]).toEqual([false, 0]);
});

test("a log that begins anew, and has no such place, does not keep the manager from being ready", () => {
  const { keys, record, warnings } = started();
  keys.reached(1_000_000);
  for (let offset = 0; offset < 70 && keys.isReading; offset++) {
    record(offset);
    jest.advanceTimersByTime(1000);
  }
  expect([keys.isReading, warnings.length]).toEqual([false, 1]);
});

test("a reading that is lost again and again ends, and one that gets nothing", () => {
  const { keys, readers, warnings } = started();
  keys.reached(10);
  for (let second = 0; second < 70 && keys.isReading; second++) {
    readers.at(-1)!.ended("lost" as never);
    jest.advanceTimersByTime(1000);
  }
  expect([keys.isReading, warnings.length]).toEqual([false, 1]);
  const silent = started();
  silent.keys.reached(10);
  jest.advanceTimersByTime(16_000);
  expect([silent.keys.isReading, silent.warnings.length]).toEqual([false, 1]);
});
