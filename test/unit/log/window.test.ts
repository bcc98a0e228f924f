import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { contentsWith, seal } from "../../../src/envelope/envelope.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { LogWindow } from "../../../src/log/window.ts";
import { seeded } from "../doubles/seeded.ts";

const recordAt = (offset: number, timestamp = 0) =>
  new LogRecord(offset, "wsmanager", seal({ body: "x", topic: "" }, "id", "app", timestamp), () =>
    contentsWith([]),
  );
const costBytes = costOf(recordAt(0));

function costOf(record: LogRecord): number {
  const window = new LogWindow(0);
  window.append(record);
  return window.bytes;
}

function windowOf(recordsMax: number, ...offsets: number[]): LogWindow {
  const window = new LogWindow(recordsMax * costBytes);
  for (const offset of offsets) window.append(recordAt(offset));
  return window;
}

describe("the window of the log in memory", () => {
  test("covers nothing before the log is known to be followed", () => {
    const window = windowOf(3);
    expect(window.coversFrom).toBeUndefined();
    window.reached(41);
    expect([window.coversFrom, window.last, window.begin, window.end]).toEqual([41, 41, 0, 0]);
  });

  test("keeps the newest within its cap, and covers what follows on the last one it dropped", () => {
    const window = windowOf(3, 10, 12, 13, 20, 21);
    expect([window.begin, window.end, window.bytes]).toEqual([2, 5, 3 * costBytes]);
    expect([2, 3, 4].map((sequence) => window.at(sequence)?.offset)).toEqual([13, 20, 21]);
    expect(window.at(1)).toBeUndefined();
    expect([window.coversFrom, window.last]).toEqual([13, 21]);
  });

  test("keeps the newest record whatever it costs", () => {
    const window = windowOf(0, 1, 2);
    expect([window.at(1)?.offset, window.coversFrom]).toEqual([2, 2]);
  });

  test("finds records by offset, those between two as well", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(60), { minLength: 1 }),
        fc.nat(70),
        fc.integer({ min: 1, max: 80 }),
        (some, wanted, recordsMax) => {
          const offsets = some.sort((a, b) => a - b);
          const window = windowOf(recordsMax, ...offsets);
          const kept = offsets.slice(-recordsMax);
          const expected = kept.findIndex((offset) => offset >= wanted);
          expect(window.sequenceOf(wanted)).toBe(expected < 0 ? window.end : window.begin + expected);
        },
      ),
      seeded,
    );
  });

  test("finds the first record that is not older than a time", () => {
    const window = new LogWindow(10 * costBytes);
    for (const [offset, timestamp] of [
      [5, 100],
      [6, 100],
      [7, 103],
    ] as const)
      window.append(recordAt(offset, timestamp));
    expect([99, 100, 101, 103, 104].map((time) => window.sequenceOfTime(time))).toEqual([0, 0, 2, 2, 3]);
  });

  test("begins anew behind a gap, and sequence numbers go on", () => {
    const window = windowOf(3, 10, 11);
    window.clear();
    expect([window.coversFrom, window.bytes, window.begin, window.end]).toEqual([undefined, 0, 2, 2]);
    window.append(recordAt(3));
    expect([window.coversFrom, window.last, window.begin, window.end]).toEqual([3, 3, 2, 3]);
  });
});
