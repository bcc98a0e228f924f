import { expect, test } from "bun:test";
import { backoffBaseMs, backoffCapMs, backoffMs } from "../../../static/session/backoff.ts";

test("the ceiling doubles per attempt, up to a cap that holds for ever", () => {
  const ceilings = [0, 1, 2, 3, 4, 5, 6, 5_000].map((attempt) => backoffMs(attempt, () => 1));
  expect(ceilings).toEqual([500, 1_000, 2_000, 4_000, 8_000, backoffCapMs, backoffCapMs, backoffCapMs]);
});

test("the jitter is full: anything from nothing to the ceiling", () => {
  expect(backoffMs(0, () => 0)).toBe(0);
  expect(backoffMs(0, () => 0.5)).toBe(backoffBaseMs / 2);
  expect(backoffMs(3, () => 0.25)).toBe(1_000);
});
