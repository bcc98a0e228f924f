import { expect, test } from "bun:test";
import { Interest } from "../../../src/log/interest.ts";

/** As many records as `count`, one a millisecond. Returns the time after them. */
function come(interest: Interest, count: number, fromMs: number): number {
  for (let n = 0; n < count; n++) interest.came(fromMs + n);
  return fromMs + count;
}

test("many records that nobody wants may lie unread: briefly with clients, longer without any", () => {
  const interest = new Interest();
  const nowMs = come(interest, 100, 5000);
  expect(interest.patienceMs(nowMs, true)).toBe(10);
  expect(interest.patienceMs(nowMs, false)).toBe(100);
});

test("few records are read at once, and so are those after many have ceased", () => {
  const interest = new Interest();
  expect(interest.patienceMs(0, false)).toBe(0);
  const nowMs = come(interest, 99, 5000);
  expect(interest.patienceMs(nowMs, false)).toBe(0);
  const manyMs = come(interest, 100, nowMs);
  expect(interest.patienceMs(manyMs, false)).toBe(100);
  expect(interest.patienceMs(manyMs + 2000, false)).toBe(0);
});

test("for a second after something was wanted, everything is read at once", () => {
  const interest = new Interest();
  interest.wanted(4000);
  const nowMs = come(interest, 900, 4000);
  expect(interest.patienceMs(nowMs, true)).toBe(0);
  expect(interest.patienceMs(come(interest, 100, nowMs), true)).toBe(10);
});
