import { Histogram } from "./histogram.ts";
import type { AnyMetric } from "./metrics.ts";
import { threadCpuMs } from "./thread-cpu.ts";
import { untilTick } from "./ticks.ts";

/** How often the clock is checked, in milliseconds. A long turn of the event loop is measured with this precision. */
const lookEachMs = 20;
/** The same in an idle process, in milliseconds: less often, since each check wakes the process up. */
const idleLookEachMs = 1000;
/** A process is idle if it takes less than this part of a core for `idleAfterMs`. */
const idleShare = 0.05;
/** For how long a process has to take less before it counts as idle, in milliseconds. */
const idleAfterMs = 1000;
/**
 * After a lag of this length a process counts as busy. A shorter one may be due to other processes on the machine, and then checking more
 * often would not help. In seconds.
 */
const busySeconds = 0.05;
/** The bounds for lags. In seconds. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;
/** The longest lag is taken from the last one to two of these intervals. In milliseconds. */
const recentMs = 30_000;

/**
 * Measures how late the event loop is, which delays everything that the process does. It uses a timer that runs often while the process
 * works, and seldom while it is idle.
 */
export class LoopLag {
  readonly #histogram = new Histogram(
    {
      name: "warren_event_loop_lag_seconds",
      help: "How late the event loop is: all that the process does waits for as long. Looked at every 20 ms, and once a second while the process takes less than a twentieth of a core.",
    },
    bounds,
  );
  /**
   * Neither the CPU time up to when a look was due is known nor how the lag was shared, so this is the most that the thread can have worked
   * within the lag. What is more than that, it did not have a core, or waited for another thread.
   */
  readonly #worked = new Histogram(
    {
      name: "warren_event_loop_lag_cpu_seconds",
      help: "The same without what was spent waiting for a core: no more than the CPU time that the thread has taken since it looked before.",
    },
    bounds,
  );
  #recent = { longest: 0, longestBefore: 0, sinceMs: performance.now() };
  #dueMs = 0;
  #isIdle = false;
  /** When the process's work was last checked, and how much CPU time it had taken by then. */
  #since = { ms: 0, cpuMs: 0 };
  readonly #cpuMs: () => number;
  readonly #threadCpuMs: () => number;
  /** The thread's CPU time at the last look, in milliseconds. */
  #workedMs: number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param cpuMs the CPU time that the process has taken, in milliseconds
   * @param ofThreadMs the CPU time that this thread has taken, in milliseconds
   */
  constructor(cpuMs = processCpuMs, ofThreadMs = threadCpuMs) {
    this.#cpuMs = cpuMs;
    this.#threadCpuMs = ofThreadMs;
    this.#workedMs = ofThreadMs();
    const nowMs = performance.now();
    this.#since = { ms: nowMs, cpuMs: cpuMs() };
    this.#wait(nowMs);
  }

  readonly metrics: readonly AnyMetric[] = [
    this.#histogram.metric,
    this.#worked.metric,
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
    const workedMs = this.#threadCpuMs();
    this.#worked.record(Math.min(seconds, (workedMs - this.#workedMs) / 1000));
    this.#workedMs = workedMs;
    this.#forgetOld();
    if (seconds > this.#recent.longest) this.#recent.longest = seconds;
    this.#judge(nowMs, seconds);
    this.#wait(nowMs);
  }

  /** Finds out whether the process is idle. */
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
