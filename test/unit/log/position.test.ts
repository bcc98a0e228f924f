import { expect, test } from "bun:test";
import fc from "fast-check";
import { isAfter, positionAfter, positionText, startAfter, startAt } from "../../../src/log/position.ts";
import { rounds } from "../doubles/rounds.ts";

const offsets = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const indexes = fc.integer({ min: 0, max: 100_000 });

test("a subscription begins behind the message whose position it gives", () => {
  fc.assert(
    fc.property(offsets, indexes, offsets, indexes, (offset, index, otherOffset, otherIndex) => {
      const after = startAfter(positionText(offset, index, 100_001))!;
      const isLater = otherOffset > offset || (otherOffset === offset && otherIndex > index);
      expect(isAfter(after, otherOffset, otherIndex)).toBe(isLater);
      expect(isAfter(after, offset, index)).toBe(false);
    }),
    rounds(),
  );
});

test("or with it, the position of a whole record standing for its first message", () => {
  fc.assert(
    fc.property(offsets, indexes, (offset, index) => {
      expect(isAfter(startAt(`${offset}.${index}`) as never, offset, index)).toBe(true);
      expect(isAfter(startAt(`${offset}.${index + 1}`) as never, offset, index)).toBe(false);
      expect(isAfter(startAt(String(offset)) as never, offset, 0)).toBe(true);
    }),
    rounds(),
  );
});

test("the position of a record with one message has no index, and lies behind all of it", () => {
  expect(positionText(7, 0, 1)).toBe("7");
  expect(positionText(7, 0, 2)).toBe("7.0");
  expect(isAfter(startAfter("7")!, 7, 99)).toBe(false);
  expect(isAfter(startAfter("7")!, 8, 0)).toBe(true);
});

test("a position says by a fingerprint which record it means, and one without means what is there in whatever log there is", () => {
  fc.assert(
    fc.property(offsets, indexes, fc.integer({ min: 0, max: 0x7fff_ffff }), (offset, index, number) => {
      const fingerprint = number.toString(36);
      const text = positionText(offset, index, 100_001, fingerprint);
      expect(startAfter(text)).toEqual({ offset, index, fingerprint });
      expect(startAt(text)).toEqual({ offset, index: index - 1, fingerprint });
      expect(startAfter(positionText(offset, index, 100_001))).toEqual({ offset, index });
    }),
    rounds(),
  );
});

test("what follows a position is a position too", () => {
  for (const text of ["7", "7.3", "7-k3f9zq", "7.3-k3f9zq"]) {
    const after = startAfter(text)!;
    expect(startAt(positionAfter(text))).toEqual(after);
    expect(startAfter(positionAfter(text))).toEqual(after);
  }
});

test("RabbitMQ's words are understood", () => {
  expect([startAt("first"), startAt("next"), startAt("last"), startAt("timestamp=1700000000")]).toEqual([
    "first",
    "next",
    "last",
    { timestamp: 1_700_000_000 },
  ]);
  expect([startAt("last=1"), startAt("last=10000")]).toEqual([{ last: 1 }, { last: 10_000 }]);
});

test.each([
  "",
  "last=",
  "last=0",
  "last=10001",
  "last=1000000",
  "-1",
  "1.",
  ".1",
  "1.2.3",
  "1e3",
  "0x1",
  "9007199254740993",
  "timestamp=",
  "timestamp=1.5",
  "7 ",
  "7-",
  "7-abcdefg",
  "7-ABC",
  "7-abc.1",
  "7~~",
  "~",
  "é",
])("%p is no place in the log", (text) => {
  expect(startAt(text)).toBeUndefined();
  expect(startAfter(text)).toBeUndefined();
});

test("first, next and times are no messages to go on behind", () => {
  expect([startAfter("first"), startAfter("next"), startAfter("timestamp=1")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
