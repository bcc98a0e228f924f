import { expect, test } from "bun:test";
import fc from "fast-check";
import { Deque } from "../../../src/collections/deque.ts";
import { rounds } from "../doubles/rounds.ts";

type Step =
  | { readonly do: "push"; readonly item: number }
  | { readonly do: "shift" }
  | { readonly do: "set"; readonly index: number; readonly item: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("push"), item: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("shift") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("set"), index: fc.nat(60), item: fc.nat() }) },
) as fc.Arbitrary<Step>;

test("does what an array does, whatever is pushed, shifted and set", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
      const deque = new Deque<number>();
      const model: number[] = [];
      for (const next of steps) {
        if (next.do === "push") {
          deque.push(next.item);
          model.push(next.item);
        } else if (next.do === "shift") {
          expect(deque.shift()).toBe(model.shift());
        } else if (next.index < model.length) {
          deque.set(next.index, next.item);
          model[next.index] = next.item;
        }
        expect(deque.length).toBe(model.length);
      }
      expect(Array.from(model, (_, index) => deque.at(index))).toEqual(model);
    }),
    rounds(),
  );
});

test("has nothing at positions outside of it", () => {
  const deque = new Deque<string>();
  deque.push("gone");
  deque.push("here");
  deque.shift();
  expect([deque.at(-1), deque.at(0), deque.at(1)]).toEqual([undefined, "here", undefined]);
});

test("refuses to set what is not in it", () => {
  const deque = new Deque<string>();
  deque.push("only");
  expect(() => deque.set(1, "beyond")).toThrow(RangeError);
  expect(() => deque.set(-1, "before")).toThrow(RangeError);
  expect(deque.at(0)).toBe("only");
});

test("an empty one shifts nothing and stays empty", () => {
  const deque = new Deque<string>();
  expect(deque.shift()).toBeUndefined();
  expect(deque.length).toBe(0);
  deque.push("first");
  expect(deque.shift()).toBe("first");
});

test("is the same queue when it has held very much and was emptied, at any place", () => {
  const deque = new Deque<number>();
  for (let round = 0; round < 3; round++) {
    for (let item = 0; item < 10_000 + round; item++) deque.push(item);
    for (let item = 0; item < 10_000 + round; item++) expect(deque.shift()).toBe(item);
    expect([deque.length, deque.shift(), deque.at(0)]).toEqual([0, undefined, undefined]);
    deque.push(7);
    expect([deque.at(0), deque.shift()]).toEqual([7, 7]);
  }
});
