import { expect, test } from "bun:test";
import fc from "fast-check";
import { seal } from "../../../src/envelope/envelope.ts";
import { fingerprintOf } from "../../../src/envelope/fingerprint.ts";
import { startAfter } from "../../../src/log/position.ts";
import { rounds } from "../doubles/rounds.ts";

const envelope = seal(
  { body: "hello", topic: "t" },
  "manager-0123456789ab-7",
  "manager-0123456789ab",
  1_700_000_000,
);

test("a fingerprint stays what it is, since clients keep it for longer than a version lasts", () => {
  expect(fingerprintOf(envelope)).toBe("jdv2j1");
  expect(fingerprintOf({ ...envelope, messageId: undefined })).toBe("9knq2l");
  expect(fingerprintOf({ ...envelope, messageId: undefined, timestamp: undefined })).toBe("hwjm8t");
});

test("messages without an id are distinguished by their content, and others by their ids and times", () => {
  const bare = { ...envelope, messageId: undefined };
  const others = [
    envelope,
    { ...envelope, messageId: "manager-0123456789ab-8" },
    { ...envelope, timestamp: 1_700_000_001 },
    bare,
    { ...bare, body: Buffer.from("hallo") },
    { ...bare, timestamp: undefined },
  ];
  expect(new Set(others.map(fingerprintOf)).size).toBe(others.length);
});

test("whatever a message is, its fingerprint is a part of a position", () => {
  fc.assert(
    fc.property(
      fc.option(fc.string(), { nil: undefined }),
      fc.option(fc.nat(), { nil: undefined }),
      fc.uint8Array(),
      (...[messageId, timestamp, body]) => {
        const fingerprint = fingerprintOf({ messageId, timestamp, body: Buffer.from(body) });
        expect(startAfter(`7-${fingerprint}`)).toEqual({
          offset: 7,
          index: Number.POSITIVE_INFINITY,
          fingerprint,
        });
      },
    ),
    rounds(),
  );
});
