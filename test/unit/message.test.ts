import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bodyBytes, isClientId, isName, isShortText } from "../../src/message.ts";
import { anyCharacter } from "./doubles/arbitraries.ts";
import { rounds } from "./doubles/rounds.ts";

describe("a topic or client id", () => {
  test.each([
    ["nothing at all", ""],
    ["a word", "a"],
    ["several", "a.b.c"],
    ["spaces", "a b"],
    ["255 bytes", "x".repeat(255)],
    ["85 characters of three bytes", "€".repeat(85)],
    ["other scripts", "温度.客厅"],
    ["an emoji", "🐇"],
  ])("may be %s", (_, name) => {
    expect(isName(name)).toBe(true);
  });

  test.each([
    ["256 bytes", "x".repeat(256)],
    ["86 characters of three bytes", "€".repeat(86)],
    ["64 emojis, which are 256 bytes", "🐇".repeat(64)],
    ["a line end", "a\nb"],
    ["a tab", "a\tb"],
    ["a null", "a\u0000"],
    ["an escape", "\u001b[2J"],
    ["a delete", "a\u007f"],
  ])("may not be %s", (_, name) => {
    expect(isName(name)).toBe(false);
  });
});

test("a short text is one of at most 255 bytes, whatever its characters", () => {
  const run = fc.tuple(fc.string({ unit: anyCharacter, maxLength: 2 }), fc.nat(100));
  const anyLength = fc
    .array(run, { maxLength: 5 })
    .map((runs) => runs.map(([text, times]) => text.repeat(times)).join(""));
  fc.assert(
    fc.property(anyLength, (text) => {
      expect(isShortText(text)).toBe(new TextEncoder().encode(text).byteLength <= 255);
    }),
    rounds(100),
  );
  expect([isShortText(undefined), isShortText(1), isShortText(["a"])]).toEqual([false, false, false]);
});

test("a body's size is counted in bytes", () => {
  expect([bodyBytes(""), bodyBytes("aé€🐇"), bodyBytes(new Uint8Array(7))]).toEqual([0, 10, 7]);
});

test("a client id is a name that an address can have: neither empty nor a dot or two", () => {
  for (const id of ["anna", "...", ".anna", "a.b", "a/b", "温度"]) expect(isClientId(id)).toBe(true);
  for (const id of ["", ".", "..", "a\nb", "x".repeat(256)]) expect(isClientId(id)).toBe(false);
});
