import { Histogram } from "./histogram.ts";
import type { AnyMetric } from "./metrics.ts";

/** How often the clock is looked at. Of a longer turn of the event loop all is seen but this much. In milliseconds. */
const lookEachMs = 20;
/** The upper ends of the ranges in which lags are counted. In seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;
/** The longest lag is of the last one to two of these. In milliseconds. */
const recentMs = 30_000;

/**
 * How late the event loop is: everything that the process does waits for as long. Measured by a timer, which costs some
 * microseconds a second.
 */
export class LoopLag {
  readonly #histogram = new Histogram(
    {
      name: "warren_event_loop_lag_seconds",
      help: "How late the event loop is: all that the process does waits for as long.",
    },
    bounds,
  );
  #recent = { longest: 0, longestBefore: 0, sinceMs: performance.now() };
  #dueMs = 0;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#dueMs = performance.now() + lookEachMs;
    this.#timer = setInterval(() => this.#look(), lookEachMs);
    this.#timer.unref();
  }

  readonly metrics: readonly AnyMetric[] = [
    this.#histogram.metric,
    {
      name: "warren_event_loop_lag_max_seconds",
      type: "gauge",
      help: "The longest that the event loop was late in the last 30 to 60 seconds.",
      read: () => {
        this.#forgetOld();
        return Math.max(this.#recent.longest, this.#recent.longestBefore);
      },
    },
  ];

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    const seconds = Math.max(0, nowMs - this.#dueMs) / 1000;
    this.#dueMs = nowMs + lookEachMs;
    this.#histogram.record(seconds);
    this.#forgetOld();
    if (seconds > this.#recent.longest) this.#recent.longest = seconds;
  }

  #forgetOld(): void {
    const nowMs = performance.now();
    const { longest, sinceMs } = this.#recent;
    if (nowMs - sinceMs < recentMs) return;
    const longestBefore = nowMs - sinceMs < 2 * recentMs ? longest : 0;
    this.#recent = { longest: 0, longestBefore, sinceMs: nowMs };
  }
}
