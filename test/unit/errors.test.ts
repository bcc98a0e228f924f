import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { codeOf, FatalError, reasonOf, UsageError } from "../../src/errors.ts";
import { seeded } from "./doubles/seeded.ts";

describe("the reason of whatever was thrown", () => {
  test.each<[string, unknown, string]>([
    ["an error", new Error("not today"), "not today"],
    ["an error without a text", new RangeError(), "RangeError"],
    ["a text", "just a text", "just a text"],
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["a number", 404, "404"],
    ["a symbol", Symbol("odd"), "Symbol(odd)"],
    ["several lines", new Error("one\n   two\r\n\n three\n"), "one two three "],
    ["an object without a text", Object.create(null), "something was thrown that has no text"],
    [
      "an error that fails when it is asked",
      Object.defineProperty(new Error("x"), "message", {
        get() {
          throw new Error("no");
        },
      }),
      "something was thrown that has no text",
    ],
    ["an error with a number for a text", Object.assign(new Error("x"), { message: 42 }), "42"],
  ])("is one line: %s", (_, thrown, reason) => {
    expect(reasonOf(thrown)).toBe(reason);
  });

  test("is one line, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withObjectString: true }), (thrown) => {
        expect(reasonOf(thrown)).not.toInclude("\n");
      }),
      seeded,
    );
  });
});

describe("the code of an error", () => {
  test("is a text or a number, and nothing else", () => {
    expect(codeOf(Object.assign(new Error("x"), { code: "ECONNREFUSED" }))).toBe("ECONNREFUSED");
    expect(codeOf(Object.assign(new Error("x"), { code: 404 }))).toBe(404);
    expect(codeOf(Object.assign(new Error("x"), { code: {} }))).toBeUndefined();
    expect(codeOf(new Error("x"))).toBeUndefined();
    expect(codeOf({ code: 404 })).toBeUndefined();
    expect(codeOf(undefined)).toBeUndefined();
  });
});

test("usage errors and fatal ones are told apart", () => {
  expect(new UsageError("x")).not.toBeInstanceOf(FatalError);
  expect([new UsageError("x").name, new FatalError("x").name]).toEqual(["UsageError", "FatalError"]);
});
