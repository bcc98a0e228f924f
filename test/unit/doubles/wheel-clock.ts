import { afterEach, beforeEach, jest } from "bun:test";
import { slotMs } from "../../../src/gateway/clients/timer-wheel.ts";

/** Time for timer wheels, which passes as tests like. For a test file's top level. */
export function makeWheelClock() {
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
  return {
    /**
     * Lets time pass as it does where nothing holds the process up.
     *
     * @param each is called after each slot of a wheel
     */
    pass(ms: number, each: () => void = () => undefined): void {
      for (let passed = 0; passed < ms; passed += slotMs) {
        nowMs += slotMs;
        jest.advanceTimersByTime(slotMs);
        each();
      }
    },
    /** The process is held up, and its timers fire once when it goes on. */
    stall(ms: number): void {
      nowMs += ms;
      jest.advanceTimersByTime(slotMs);
    },
  };
}
