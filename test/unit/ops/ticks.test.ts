import { expect, test } from "bun:test";
import { untilTick } from "../../../src/ops/ticks.ts";

test("timers of one length come round in the same moment, whenever they were set", () => {
  for (const nowMs of [0, 1, 999.5, 1000, 123_456.789]) {
    const inMs = untilTick(nowMs, 1000);
    expect(inMs).toBeGreaterThan(0);
    expect(inMs).toBeLessThanOrEqual(1000);
    expect((nowMs + inMs) % 1000).toBeCloseTo(0, 6);
  }
});
