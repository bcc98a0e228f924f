import { expect, test } from "bun:test";
import { excerpt, excerptCharsMax, excerptLinesMax, hexPreview } from "../../../static/session/excerpt.ts";

test("a text of ordinary size stays as it is", () => {
  for (const text of ["", "hello", "a\nb\n", "x".repeat(excerptCharsMax), "\n".repeat(excerptLinesMax - 1)]) {
    expect(excerpt(text)).toBe(text);
  }
});

test("a long text is cut and says how much is missing", () => {
  expect(excerpt("x".repeat(excerptCharsMax + 1_234))).toBe(
    `${"x".repeat(excerptCharsMax)} … 1,234 more characters`,
  );
});

test("a tall text is cut at its last shown line", () => {
  const shown = excerpt("line\n".repeat(1_000));
  expect(shown.split("\n")).toHaveLength(excerptLinesMax);
  expect(shown).toEndWith(`line … ${(4_850 + 1).toLocaleString("en")} more characters`);
});

test("an emoji is never cut in two", () => {
  const shown = excerpt(`${"x".repeat(excerptCharsMax - 1)}🐇🐇`);
  expect(shown.isWellFormed()).toBeTrue();
  expect(shown).toEndWith("x … 4 more characters");
});

test("bytes are previewed in hex", () => {
  expect(hexPreview(new Uint8Array([0, 255, 27]))).toBe("00 ff 1b");
  expect(hexPreview(new Uint8Array(1_000))).toEndWith("00 00 …");
  expect(hexPreview(new Uint8Array(0))).toBe("");
});
