import { slotMs } from "../../../src/gateway/clients/timer-wheel.ts";
import { makeFakeClock } from "./fake-clock.ts";

/** Time for timer wheels, which passes as tests like. For a test file's top level. */
export function makeWheelClock() {
  const clock = makeFakeClock();
  return {
    /**
     * Lets time pass as it does where nothing holds the process up.
     *
     * @param each is called after each slot of a wheel
     */
    pass: (ms: number, each?: () => void): void => clock.pass(ms, slotMs, each),
    /** What is called takes this long. */
    spend: (ms: number): void => clock.spend(ms),
    /** The process is held up, and its timers fire once when it goes on. */
    stall: (ms: number): void => clock.step(ms, slotMs),
  };
}
