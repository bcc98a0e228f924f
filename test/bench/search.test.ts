import { expect, test } from "bun:test";
import { highestRate } from "./search.ts";

const options = { start: 1000, step: 1.05, firstJump: 8, lowest: 10, probesMax: 30 };

async function search(limit: number, changes: Partial<typeof options> = {}) {
  const probes: number[] = [];
  const found = await highestRate({ ...options, ...changes }, (rate) => {
    probes.push(rate);
    return Promise.resolve(rate <= limit);
  });
  return { found, probes };
}

test("finds the limit to within a step, from below and from above", async () => {
  for (const limit of [12, 300, 999, 1000, 1001, 1500, 80_000]) {
    const { found } = await search(limit);
    expect(found).toBeLessThanOrEqual(limit);
    expect(found! * 1.05 + 1).toBeGreaterThan(limit);
  }
});

test("takes a few probes when it starts near", async () => {
  expect((await search(1020, { firstJump: 1 })).probes.length).toBeLessThanOrEqual(3);
});

test("gives up at the lowest rate", async () => {
  const { found, probes } = await search(5);
  expect(found).toBeUndefined();
  expect(Math.min(...probes)).toBeGreaterThanOrEqual(10);
});

test("ends after so many probes, whatever they say", async () => {
  const { found, probes } = await search(Number.POSITIVE_INFINITY, { probesMax: 5 });
  expect(probes.length).toBe(5);
  expect(found).toBe(Math.max(...probes));
});
