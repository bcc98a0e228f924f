import { describe, expect, test } from "bun:test";
import { Gathering } from "../../../src/outbox/gathering.ts";

/** What it says after messages have come at this rate for a second, so many at a time. */
function lingerAt(perSecond: number, atATime = 1, gathering = new Gathering(), beganMs = 0): number {
  for (let count = atATime; count <= perSecond; count += atATime)
    gathering.sent(atATime, beganMs + (count / perSecond) * 1000);
  return gathering.lingerMs;
}

describe("how long messages gather", () => {
  test.each([
    [0, 0],
    [1, 0],
    [500, 0],
    [1000, 0],
    [1500, 1],
    [2000, 2],
    [3000, 3],
    [4000, 5],
    [5000, 6],
    [50_000, 6],
  ])("with %d a second is %d ms", (perSecond, ms) => {
    expect(lingerAt(perSecond)).toBe(ms);
  });

  test("depends on the messages, not on how they are sent", () => {
    expect(lingerAt(4000, 40)).toBe(5);
    expect(lingerAt(400, 40)).toBe(0);
  });

  test("is not told by a moment's burst", () => {
    const gathering = new Gathering();
    gathering.sent(1, 1000);
    gathering.sent(30, 1010);
    expect(gathering.lingerMs).toBe(0);
    gathering.sent(1, 1100);
    expect(gathering.lingerMs).toBe(0);
  });

  test("is nothing again after a pause", () => {
    const gathering = new Gathering();
    expect(lingerAt(5000, 1, gathering)).toBe(6);
    gathering.sent(1, 3000);
    expect(gathering.lingerMs).toBe(0);
  });
});
