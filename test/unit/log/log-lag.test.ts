import { afterEach, beforeEach, expect, test } from "bun:test";
import { LogLag } from "../../../src/log/log-lag.ts";
import { exposition } from "../../../src/ops/metrics.ts";

let nowMs = 0;
const realNow = performance.now.bind(performance);
beforeEach(() => {
  nowMs = 1_000_000;
  performance.now = () => nowMs;
});
afterEach(() => {
  performance.now = realNow;
});

test("the lag is how long a mark takes to come by, and how many records come before it", () => {
  const marks: ((offset: number) => void)[] = [];
  const lag = new LogLag((then) => void marks.push(then));
  const shown = () =>
    Object.fromEntries(
      [...exposition(lag.metrics).matchAll(/^warren_log_lag_(\w+) (\S+)$/gm)].map(([, name, value]) => [
        name,
        Number(value),
      ]),
    );
  expect(shown()).toEqual({ seconds: 0, records: 0 });
  expect(marks.length).toBe(1);
  nowMs += 2000;
  for (let record = 0; record < 30; record++) lag.forwarded(1);
  // The mark is still on its way.
  expect(shown()).toEqual({ seconds: 2, records: 30 });
  expect(marks.length).toBe(1);
  nowMs += 500;
  marks[0]!(7);
  expect(shown()).toEqual({ seconds: 2.5, records: 30 });
  nowMs += 5000;
  expect(shown()).toEqual({ seconds: 2.5, records: 30 });
  expect(marks.length).toBe(2);
  nowMs += 3;
  marks[1]!(9);
  expect(shown()).toEqual({ seconds: 0.003, records: 0 });
});
