import { expect, jest, test } from "bun:test";
import { LoopLag } from "../../../src/ops/loop-lag.ts";
import { exposition } from "../../../src/ops/metrics.ts";
import { makeFakeClock } from "../doubles/fake-clock.ts";

const clock = makeFakeClock();

/** The event loop comes round after so long, though it was to come after 20 ms. */
const turn = (ms: number): void => clock.step(ms, 20);

test("how late the event loop is, is a histogram, and the longest a gauge that is forgotten", () => {
  const lag = new LoopLag();
  for (const ms of [20, 21, 80, 20]) turn(ms);
  const shown = exposition(lag.metrics);
  expect(shown).toContain("# TYPE warren_event_loop_lag_seconds histogram\n");
  expect(shown).toContain('warren_event_loop_lag_seconds_bucket{le="0.001"} 3\n');
  expect(shown).toContain('warren_event_loop_lag_seconds_bucket{le="0.05"} 3\n');
  expect(shown).toContain('warren_event_loop_lag_seconds_bucket{le="0.1"} 4\n');
  expect(shown).toContain('warren_event_loop_lag_seconds_bucket{le="+Inf"} 4\n');
  expect(shown).toContain("warren_event_loop_lag_seconds_sum 0.061\nwarren_event_loop_lag_seconds_count 4\n");
  expect(shown).toContain("warren_event_loop_lag_max_seconds 0.06\n");
  // From here on a turn ends with each second, at which a process that idles looks.
  turn(39);
  for (let passed = 0; passed < 61_000; passed += 20) turn(20);
  expect(exposition(lag.metrics)).toContain("warren_event_loop_lag_max_seconds 0\n");
  lag.close();
  expect(jest.getTimerCount()).toBe(0);
});

test("of a lag only as much counts as work as the thread has taken CPU time", () => {
  let workedMs = 0;
  const lag = new LoopLag(undefined, () => workedMs);
  for (const [ms, worked] of [
    [20, 15],
    [100, 100],
    [100, 60],
    [100, 25],
  ] as const) {
    workedMs += worked;
    turn(ms);
  }
  const shown = exposition(lag.metrics);
  expect(shown).toContain('warren_event_loop_lag_seconds_bucket{le="0.05"} 1\n');
  expect(shown).toContain('warren_event_loop_lag_cpu_seconds_bucket{le="0.001"} 1\n');
  expect(shown).toContain('warren_event_loop_lag_cpu_seconds_bucket{le="0.05"} 2\n');
  expect(shown).toContain("warren_event_loop_lag_cpu_seconds_sum 0.165\n");
  lag.close();
});

test("a process that idles is woken up less often, and as often as before once it works or is late", () => {
  let cpuMs = 0;
  const lag = new LoopLag(() => cpuMs);
  const looksIn = (ms: number, workMs = 0): number => {
    const before = countIn(exposition(lag.metrics));
    clock.pass(ms, 10, () => {
      cpuMs += (workMs * 10) / ms;
    });
    return countIn(exposition(lag.metrics)) - before;
  };
  expect(looksIn(1000)).toBe(50);
  expect(looksIn(5000)).toBe(5);
  expect(looksIn(1000, 100)).toBe(1);
  expect(looksIn(1000, 100)).toBe(50);
  expect(looksIn(2000)).toBeLessThan(100);
  expect(looksIn(5000)).toBe(5);
  // A busy machine makes everybody late by a little.
  for (let late = 0; late < 5; late++) {
    clock.spend(20);
    expect(looksIn(1000)).toBe(1);
  }
  // Held up by something that took no CPU time of its own.
  clock.spend(1300);
  expect(looksIn(1400)).toBeGreaterThan(5);
  lag.close();
});

function countIn(shown: string): number {
  return Number(/warren_event_loop_lag_seconds_count (\d+)/.exec(shown)?.[1]);
}
