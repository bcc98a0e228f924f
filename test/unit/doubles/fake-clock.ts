import { afterEach, beforeEach, jest } from "bun:test";
import { turn } from "./turn.ts";

/** `performance.now()` and timers, whose time passes as tests like. For a test file's top level: each test begins at zero. */
export function makeFakeClock() {
  let nowMs = 0;
  const realNow = performance.now.bind(performance);
  beforeEach(() => {
    jest.useFakeTimers();
    nowMs = 0;
    performance.now = () => nowMs;
  });
  afterEach(() => {
    jest.useRealTimers();
    performance.now = realNow;
  });
  /** Time goes on at once. Timers get to hear of `timersMs` of it: less, where the process was held up. */
  const step = (ms: number, timersMs = ms): void => {
    nowMs += ms;
    jest.advanceTimersByTime(timersMs);
  };
  return {
    step,
    /** Something takes this long: timers hear of it later. */
    spend(ms: number): void {
      nowMs += ms;
    },
    /** Time passes, step by step, until the promise is settled. */
    async passUntil(promise: Promise<unknown>, stepMs: number): Promise<void> {
      let isSettled = false;
      const settle = () => {
        isSettled = true;
      };
      promise.then(settle, settle);
      await turn();
      while (!isSettled) {
        step(stepMs);
        await turn();
      }
      await promise;
    },
    /** @param each is called after each step */
    pass(ms: number, stepMs: number, each: () => void = () => undefined): void {
      for (let passed = 0; passed < ms; passed += stepMs) {
        step(stepMs);
        each();
      }
    },
  };
}
