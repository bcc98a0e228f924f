import { describe, expect, test } from "bun:test";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import {
  codeOf,
  FatalError,
  isA,
  reasonCharactersMax,
  reasonOf,
  stackOf,
  UsageError,
} from "../../src/errors.ts";
import { rounds } from "./doubles/rounds.ts";

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
    [
      "an error with its cause, and that one's",
      new Error("no order", { cause: new Error("no rows", { cause: "timeout" }) }),
      "no order, caused by: no rows, caused by: timeout",
    ],
    ["an error of several", new AggregateError([new Error("a"), "b"], "all failed"), "all failed (a; b)"],
    ["several without a text of their own", new AggregateError([new Error("a")]), "AggregateError (a)"],
    [
      "more than are named",
      new AggregateError([1, 2, 3, 4, 5, 6, 7]),
      "AggregateError (1; 2; 3; 4; 5; 2 more)",
    ],
    [
      "an end that failed after its work had",
      new SuppressedError(new Error("cannot close"), new Error("no rows"), "both"),
      "both (no rows; cannot close)",
    ],
    ["an error of another realm", runInNewContext('new Error("elsewhere")'), "elsewhere"],
    ["an object with a text", { message: "no order", code: 5 }, "no order"],
    ["an object", { code: 5, row: 2n ** 60n }, '{"code":5,"row":"1152921504606846976"}'],
    ["an object of a class", new Map([[1, 2]]), "[object Map]"],
    ["an object that says what it is", { toString: () => "order 5" }, "order 5"],
  ])("is one line: %s", (_, thrown, reason) => {
    expect(reasonOf(thrown)).toBe(reason);
  });

  test("takes no longer for what has long runs of white space, which a client may have sent", () => {
    const startedMs = performance.now();
    for (const space of [" ", "\t ", "\n", " \n"]) reasonOf(new Error(`bad: ${space.repeat(40_000)}x`));
    expect(performance.now() - startedMs).toBeLessThan(500);
  });

  test("is bounded, whatever the error quotes", () => {
    expect(reasonOf(new Error("x".repeat(10_000_000)))).toHaveLength(reasonCharactersMax);
  });

  test("ends, though an error is its own cause or a part of itself", () => {
    const own = new Error("own");
    own.cause = own;
    const [one, other] = [new Error("one"), new Error("other")];
    Object.assign(one, { cause: other });
    Object.assign(other, { cause: one });
    const whole = new AggregateError([], "whole");
    whole.errors = Array(9).fill(whole);
    expect(reasonOf(own)).toBe("own");
    expect(reasonOf(one)).toBe("one, caused by: other, caused by: one, caused by: other");
    expect(reasonOf(whole).length).toBeLessThan(5000);
  });

  test("is bounded, where an object was thrown", () => {
    expect(reasonOf({ rows: Array(100_000).fill("row") }).length).toBe(1000);
  });

  test("is one line, whatever it is", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withObjectString: true }), (thrown) => {
        expect(reasonOf(thrown)).not.toInclude("\n");
      }),
      rounds(),
    );
  });
});

describe("what throws when it is asked", () => {
  const no = () => {
    throw new Error("no");
  };
  test.each<[string, object]>([
    ["a Proxy", new Proxy(new Error("x"), { get: no, getPrototypeOf: no })],
    [
      "an error with getters",
      Object.defineProperties(new Error("x"), { message: { get: no }, stack: { get: no } }),
    ],
  ])("has no text, no stack and no class of ours: %s", (_, thrown) => {
    expect(reasonOf(thrown)).toBe("something was thrown that has no text");
    expect(stackOf(thrown)).toBeUndefined();
    expect(isA(thrown, FatalError)).toBe(false);
  });

  test("is the only thing without its stack and its class", () => {
    expect(stackOf(new FatalError("x"))).toContain("errors.test.ts");
    expect(stackOf(Object.assign(new Error("x"), { stack: 42 }))).toBeUndefined();
    expect([isA(new FatalError("x"), FatalError), isA(new Error("x"), FatalError)]).toEqual([true, false]);
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

test("usage errors and fatal errors are distinguished", () => {
  expect(new UsageError("x")).not.toBeInstanceOf(FatalError);
  expect([new UsageError("x").name, new FatalError("x").name]).toEqual(["UsageError", "FatalError"]);
});
