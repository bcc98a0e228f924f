import { expect, test } from "bun:test";
import fc from "fast-check";
import { Gaps } from "../../../src/bench/gaps.ts";
import { Tally } from "../../../src/bench/tally.ts";
import { rounds } from "../doubles/rounds.ts";

function tallyOf(sequences: readonly number[], gaps?: Gaps) {
  const tally = new Tally(1, 1, gaps);
  for (const sequence of sequences) tally.count(0, 0, sequence);
  return { delivered: tally.delivered, duplicated: tally.duplicated, reordered: tally.reordered };
}

test("what arrives in order is delivered and nothing else", () => {
  expect(tallyOf([0, 1, 2, 3])).toEqual({ delivered: 4, duplicated: 0, reordered: 0 });
});

test("what is jumped over is not delivered", () => {
  expect(tallyOf([0, 1, 5, 6])).toEqual({ delivered: 4, duplicated: 0, reordered: 0 });
  expect(tallyOf([3])).toEqual({ delivered: 1, duplicated: 0, reordered: 0 });
});

test("what comes after a later one is reordered", () => {
  expect(tallyOf([1, 0, 2, 4, 3])).toEqual({ delivered: 5, duplicated: 0, reordered: 2 });
});

test("a second copy is duplicated, also of what came late", () => {
  expect(tallyOf([0, 0, 1, 3, 2, 2, 3, 0])).toEqual({ delivered: 4, duplicated: 4, reordered: 1 });
});

test("pairs of receiver and publisher do not disturb each other", () => {
  const tally = new Tally(2, 2);
  for (const receiver of [0, 1]) {
    for (const publisher of [0, 1]) tally.count(receiver, publisher, 0);
  }
  tally.count(1, 0, 2);
  tally.count(0, 1, 1);
  tally.count(1, 0, 1);
  expect([tally.delivered, tally.duplicated, tally.reordered]).toEqual([7, 0, 1]);
});

test("any mix of loss, repeats and disorder is counted as a set of everything seen would", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 120 }), (sequences) => {
      const seen = new Set<number>();
      const expected = { delivered: 0, duplicated: 0, reordered: 0 };
      for (const sequence of sequences) {
        if (seen.has(sequence)) expected.duplicated++;
        else {
          expected.delivered++;
          if (sequence < Math.max(-1, ...seen)) expected.reordered++;
        }
        seen.add(sequence);
      }
      expect(tallyOf(sequences)).toEqual(expected);
    }),
    rounds(),
  );
});

test("when too many gaps are open, delivered stays exact for what never comes, and the tally says it is not exact", () => {
  const gaps = new Gaps(2);
  expect(tallyOf([0, 2, 4, 6, 8], gaps).delivered).toBe(5);
  expect(gaps.forgotten).toBe(2);
  const tally = new Tally(1, 1, gaps);
  expect(tally.isExact).toBe(false);
});
