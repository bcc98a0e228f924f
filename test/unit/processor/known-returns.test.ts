import { expect, test } from "bun:test";
import { KnownReturns } from "../../../src/processor/known-returns.ts";

test("what a lost session of this process held came back for that, and not for a death", () => {
  const known = new KnownReturns(10);
  expect(known.unexplained("a", 2)).toBe(2);
  known.add(["a", "b", undefined]);
  known.add(["a"]);
  expect(known.unexplained("a", 3)).toBe(1);
  expect(known.unexplained("b", 3)).toBe(2);
  expect(known.unexplained("c", 3)).toBe(3);
});

test("a message without an id cannot be distinguished from others", () => {
  const known = new KnownReturns(10);
  known.add([undefined]);
  expect(known.unexplained(undefined, 3)).toBe(3);
});

test("what was returned longest ago is forgotten when there is too much", () => {
  const known = new KnownReturns(2);
  known.add(["a", "b", "c"]);
  expect(["a", "b", "c"].map((id) => known.unexplained(id, 1))).toEqual([1, 0, 0]);
});
