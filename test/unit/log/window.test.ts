import { describe, expect, jest, test } from "bun:test";
import fc from "fast-check";
import { contentsOf, contentsWith, type Envelope, seal } from "../../../src/envelope/envelope.ts";
import { fingerprintOf } from "../../../src/envelope/fingerprint.ts";
import { pack, packedContentType } from "../../../src/envelope/packing.ts";
import { LogRecord } from "../../../src/log/record.ts";
import { LogWindow } from "../../../src/log/window.ts";
import { rounds } from "../doubles/rounds.ts";
import { makeWheelClock } from "../doubles/wheel-clock.ts";

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
      rounds(),
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

  test("calls a place by the end of the last record up to it, or by what was seen there that is no record", () => {
    const window = windowOf(3);
    window.reached(7);
    expect(window.nameOf(7)).toBe("7");
    window.reached(8, "mark");
    expect([window.nameOf(8), window.nameOf(9)]).toEqual(["8-mark", "8-mark"]);
    for (const offset of [10, 12]) window.append(recordAt(offset));
    expect([9, 10, 11, 12, 20].map((offset) => window.nameOf(offset))).toEqual([
      "8-mark",
      ...[10, 10, 12, 12].map((offset) => recordAt(offset).endPosition),
    ]);
    for (const offset of [20, 21, 22]) window.append(recordAt(offset));
    expect([window.nameOf(12), window.nameOf(20)]).toEqual(["12", recordAt(20).endPosition]);
    window.clear();
    expect(window.nameOf(8)).toBe("8");
  });

  test("knows whether something else is at a place, as far as it is in memory", () => {
    const window = windowOf(3);
    window.reached(8, "mark");
    window.append(recordAt(10));
    const { fingerprint } = recordAt(10);
    expect([window.hasAt(10, fingerprint), window.hasAt(10, "x"), window.hasAt(9, "x")]).toEqual([
      true,
      false,
      undefined,
    ]);
    expect([window.hasAt(8, "mark"), window.hasAt(8, "x")]).toEqual([true, false]);
  });

  test("knows a single message by the same fingerprint before and after it is kept, with an id or without", () => {
    for (const messageId of ["id", undefined])
      for (const body of ["some text", Buffer.from([1, 2])]) {
        const envelope = { ...seal({ body, topic: "t" }, "id", "app", 7), messageId };
        const opener = (_: LogRecord, content: Envelope) => contentsOf(content, "unnamed");
        const record = new LogRecord(3, "wsmanager", envelope, opener);
        const kept = new LogRecord(3, "wsmanager", envelope, opener);
        new LogWindow(0).append(kept);
        expect(kept.fingerprint).toBe(record.fingerprint);
        expect(kept.positionOf(0)).toBe(`3-${fingerprintOf(envelope)}`);
      }
  });

  test("begins anew behind a gap, and sequence numbers go on", () => {
    const window = windowOf(3, 10, 11);
    window.clear();
    expect([window.coversFrom, window.bytes, window.begin, window.end]).toEqual([undefined, 0, 2, 2]);
    window.append(recordAt(3));
    expect([window.coversFrom, window.last, window.begin, window.end]).toEqual([3, 3, 2, 3]);
  });
});

describe("what was decoded of the log in memory", () => {
  const { pass } = makeWheelClock();
  const opener = (record: LogRecord, envelope: Envelope) => contentsOf(envelope, `${record.offset}`);
  const packAt = (offset: number) => {
    const messages = [1, 2, 3].map((at) => ({ body: `${offset}.${at}`, topic: "t", clientId: "c" }));
    const envelope = { ...seal({ body: "", topic: "" }, "id", "app", 0), contentType: packedContentType };
    return new LogRecord(offset, "wsmanager", { ...envelope, body: pack(messages) }, opener);
  };
  const bodiesOf = (window: LogWindow, sequence: number) =>
    window.at(sequence)!.messages.map(({ body }) => body);

  test("is kept while the record is read, even if it was dropped from memory and is decoded again", () => {
    const window = new LogWindow(600);
    const late = packAt(0);
    window.append(late);
    expect(late.messages).toHaveLength(3);
    // The next ones drop it, which closes it.
    for (const offset of [1, 2, 3]) window.append(packAt(offset), false);
    expect(late.isOpen).toBe(false);
    expect(late.messages).toHaveLength(3);
    expect(late.isOpen).toBe(true);
  });

  test("is let go of some seconds later, whether others are read or not, and read again when somebody wants it", () => {
    const window = new LogWindow(1e6);
    for (const offset of [0, 1, 2]) window.append(packAt(offset), false);
    const asItCame = window.bytes;
    expect(jest.getTimerCount()).toBe(0);
    expect(bodiesOf(window, 0)).toEqual(["0.1", "0.2", "0.3"]);
    const withOne = window.bytes;
    expect(withOne).toBeGreaterThan(asItCame);
    pass(3500);
    expect(window.bytes).toBe(withOne);
    bodiesOf(window, 1);
    pass(2500);
    expect(window.at(0)!.isOpen).toBe(false);
    expect(window.bytes).toBe(withOne);
    pass(3000);
    expect(window.bytes).toBe(asItCame);
    expect(jest.getTimerCount()).toBe(0);
    expect(bodiesOf(window, 1)).toEqual(["1.1", "1.2", "1.3"]);
    window.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  test("counts right whatever is read, dropped and let go of, in any order", () => {
    const window = new LogWindow(20_000);
    for (let offset = 0; offset < 300; offset++) {
      window.append(packAt(offset), offset % 3 === 0);
      for (const back of [1, 4, 9]) window.at(window.end - back)?.messages.map(({ body }) => body);
      if (offset % 10 === 0) pass(1000);
    }
    pass(10_000);
    let costBytes = 0;
    for (let sequence = window.begin; sequence < window.end; sequence++) {
      expect(window.at(sequence)!.isOpen).toBe(false);
      costBytes += window.at(sequence)!.costBytes;
    }
    expect(window.bytes).toBe(costBytes);
  });
});
