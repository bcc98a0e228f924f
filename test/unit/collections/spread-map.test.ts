import { expect, test } from "bun:test";
import fc from "fast-check";
import { SpreadMap } from "../../../src/collections/spread-map.ts";
import { rounds } from "../doubles/rounds.ts";

/** Steps with very many keys at a time: few maps are spread, and many are put together again. */
const range = fc.record({ from: fc.nat(9000), count: fc.nat(6000) });
const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), range }),
  fc.record({ do: fc.constant("delete" as const), range }),
  fc.record({ do: fc.constant("clear" as const), range }),
);
type Step = typeof step extends fc.Arbitrary<infer Each> ? Each : never;

/** Does the same to both, and returns whether they have answered the same. */
function isSame(model: Map<string, number>, tried: SpreadMap<number>, { do: what, range }: Step): boolean {
  if (what === "clear") {
    model.clear();
    tried.clear();
    return true;
  }
  let same = true;
  for (let at = range.from; at < range.from + range.count; at++) {
    const key = `key.${at}`;
    if (what === "set") {
      model.set(key, at + range.count);
      tried.set(key, at + range.count);
    } else if (model.delete(key) !== tried.delete(key)) same = false;
    if (model.size !== tried.size) same = false;
  }
  return same;
}

test("it has what a Map has, however many entries come and go", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const model = new Map<string, number>();
      const tried = new SpreadMap<number>();
      for (const each of steps) {
        expect(isSame(model, tried, each)).toBe(true);
        const keys = [...tried.keys()];
        expect(keys.length).toBe(model.size);
        expect([...new Set(model.keys()).difference(new Set(keys))]).toEqual([]);
        const wrong: string[] = [];
        for (let at = 0; at < 15_001; at += 7) {
          const key = `key.${at}`;
          if (tried.get(key) !== model.get(key) || tried.has(key) !== model.has(key)) wrong.push(key);
        }
        expect(wrong).toEqual([]);
      }
    }),
    rounds(30),
  );
});

test("keys that are there all the time are passed by whoever goes through them while others come and go", () => {
  fc.assert(
    fc.property(fc.nat(9000), fc.array(step, { maxLength: 8 }), fc.nat(3000), (count, steps, pause) => {
      const tried = new SpreadMap<number>();
      const model = new Map<string, number>();
      isSame(model, tried, { do: "set", range: { from: 0, count } });
      const there = new Set(model.keys());
      const keys = tried.keys();
      const passed = new Set<string>();
      for (const each of steps) {
        for (let at = 0; at < pause; at++) passed.add(keys.next().value ?? "");
        isSame(model, tried, each);
        for (const key of there) if (!model.has(key)) there.delete(key);
      }
      for (const key of keys) passed.add(key);
      expect([...there.difference(passed)]).toEqual([]);
    }),
    rounds(30),
  );
});

test("going through the keys ends, however fast others come", () => {
  const tried = new SpreadMap<number>();
  for (let at = 0; at < 6000; at++) tried.set(`key.${at}`, at);
  let passed = 0;
  for (const _ of tried.keys()) {
    tried.set(`new.${passed}`, passed);
    passed++;
    if (passed > 50_000) break;
  }
  expect(passed).toBeLessThan(50_000);
});
