import { expect, test } from "bun:test";
import fc from "fast-check";
import { Histogram } from "../../../src/bench/histogram.ts";
import { rounds } from "../doubles/rounds.ts";

const micros = fc.oneof(fc.nat(200), fc.nat(1_000_000), fc.integer({ min: 0, max: 2 ** 32 - 1 }));

test("a quantile is never shorter than it was, and at most 1/64 longer", () => {
  fc.assert(
    fc.property(
      fc.array(micros, { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0.01, 0.5, 0.99, 0.999, 1),
      (values, q) => {
        const histogram = new Histogram();
        for (const value of values) histogram.record(value);
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
        const told = histogram.quantileMicros(q);
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(exact * (1 + 1 / 64));
      },
    ),
    rounds(),
  );
});

test("the maximum and the count are exact", () => {
  const histogram = new Histogram();
  for (const value of [3, 1_234_567, 17]) histogram.record(value);
  expect(histogram.maxMicros).toBe(1_234_567);
  expect(histogram.total).toBe(3);
});

test("no values make quantiles of zero", () => {
  expect(new Histogram().quantileMicros(0.5)).toBe(0);
});

test("a clock that seems to go backwards counts as no latency, and hours count as the longest", () => {
  const histogram = new Histogram();
  histogram.record(-5);
  expect(histogram.quantileMicros(1)).toBe(0);
  histogram.record(1e12);
  expect(histogram.quantileMicros(1)).toBe(2 ** 32 - 1);
});
