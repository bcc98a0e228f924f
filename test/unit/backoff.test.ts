import { expect, test } from "bun:test";
import fc from "fast-check";
import { backoffMs } from "../../src/backoff.ts";
import { rounds } from "./doubles/rounds.ts";

const limits = fc
  .tuple(fc.integer({ min: 10, max: 10_000 }), fc.integer({ min: 1, max: 1000 }))
  .map(([firstMs, times]) => ({ firstMs, mostMs: firstMs * times }));
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const attempts = fc.integer({ min: 1, max: 1_000_000 });

test("never waits longer than the cap, and never so short that it spins", () => {
  fc.assert(
    fc.property(limits, random, attempts, (within, chance, attempt) => {
      const ms = backoffMs(attempt, within, chance);
      expect(Number.isInteger(ms)).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(Math.round(within.firstMs / 10));
      expect(ms).toBeLessThanOrEqual(within.mostMs);
    }),
    rounds(),
  );
});

test("the bound doubles with each attempt until the cap", () => {
  const longest = [1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(attempt, { firstMs: 100, mostMs: 1000 }, 1));
  expect(longest).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test("spreads processes that wait at the same time over nearly all of the bound", () => {
  const within = { firstMs: 100, mostMs: 1000 };
  expect([0, 0.5, 0.999].map((chance) => backoffMs(4, within, chance))).toEqual([80, 440, 799]);
});

test("with the same chance it never waits shorter after a later attempt", () => {
  fc.assert(
    fc.property(limits, random, fc.integer({ min: 1, max: 60 }), (within, chance, attempt) => {
      expect(backoffMs(attempt + 1, within, chance)).toBeGreaterThanOrEqual(
        backoffMs(attempt, within, chance),
      );
    }),
    rounds(),
  );
});
