import { Histogram } from "./histogram.ts";
import type { AnyMetric } from "./metrics.ts";
import { untilTick } from "./ticks.ts";

/** How often the clock is looked at, in milliseconds: a longer turn of the event loop is seen but for this much. */
const lookEachMs = 20;
/** How often an idle process looks, in milliseconds: less often, since each look wakes it up. */
const idleLookEachMs = 1000;
/** A process idles that has taken less of a core than this for `idleAfterMs`. */
const idleShare = 0.05;
/** How long a process has to take less before it idles, in milliseconds. */
const idleAfterMs = 1000;
/** A lag by which a process is taken for busy. A shorter one may be the machine's, which others share: to look more often would be of no use then. In seconds. */
const busySeconds = 0.05;
/** The upper ends of the ranges in which lags are counted. In seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;
/** The longest lag is of the last one to two of these. In milliseconds. */
const recentMs = 30_000;

/**
 * How late the event loop is: everything that the process does waits for as long. Measured by a timer: often while the process
 * works, and seldom while it idles.
 */
export class LoopLag {
  readonly #histogram = new Histogram(
    {
      name: "warren_event_loop_lag_seconds",
      help: "How late the event loop is: all that the process does waits for as long. Looked at every 20 ms, and once a second while the process takes less than a twentieth of a core.",
    },
    bounds,
  );
  #recent = { longest: 0, longestBefore: 0, sinceMs: performance.now() };
  #dueMs = 0;
  #isIdle = false;
  /** When the process's work was looked at last, and how much CPU time it had taken by then. */
  #since = { ms: 0, cpuMs: 0 };
  readonly #cpuMs: () => number;
  #timer: NodeJS.Timeout | undefined;

  /** @param cpuMs the CPU time that the process has taken, in milliseconds */
  constructor(cpuMs = processCpuMs) {
    this.#cpuMs = cpuMs;
    const nowMs = performance.now();
    this.#since = { ms: nowMs, cpuMs: cpuMs() };
    this.#wait(nowMs);
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
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(nowMs: number): void {
    const inMs = this.#isIdle ? untilTick(nowMs, idleLookEachMs) : lookEachMs;
    this.#dueMs = nowMs + inMs;
    this.#timer = setTimeout(() => this.#look(), inMs);
    this.#timer.unref();
  }

  #look(): void {
    const nowMs = performance.now();
    const seconds = Math.max(0, nowMs - this.#dueMs) / 1000;
    this.#histogram.record(seconds);
    this.#forgetOld();
    if (seconds > this.#recent.longest) this.#recent.longest = seconds;
    this.#judge(nowMs, seconds);
    this.#wait(nowMs);
  }

  /** Finds out whether the process idles. */
  #judge(nowMs: number, seconds: number): void {
    const sinceMs = nowMs - this.#since.ms;
    const isLate = seconds >= busySeconds;
    if (!this.#isIdle && !isLate && sinceMs < idleAfterMs) return;
    const cpuMs = this.#cpuMs();
    this.#isIdle = !isLate && cpuMs - this.#since.cpuMs < idleShare * sinceMs;
    this.#since = { ms: nowMs, cpuMs };
  }

  #forgetOld(): void {
    const nowMs = performance.now();
    const { longest, sinceMs } = this.#recent;
    if (nowMs - sinceMs < recentMs) return;
    const longestBefore = nowMs - sinceMs < 2 * recentMs ? longest : 0;
    this.#recent = { longest: 0, longestBefore, sinceMs: nowMs };
  }
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
