import { afterEach, beforeEach, jest } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/client.ts";
import { Holds } from "../../../../src/gateway/holds.ts";
import { Seat } from "../../../../src/gateway/limits/seat.ts";
import { TimerWheel } from "../../../../src/gateway/timer-wheel.ts";

/** A wheel whose time passes as tests like, and clients that note what is done to them. For a test file's top level. */
export function makeRoom() {
  const room = { wheel: new TimerWheel(), holds: new Holds() };
  let nowMs = 0;
  const realNow = performance.now.bind(performance);
  beforeEach(() => {
    jest.useFakeTimers();
    nowMs = 0;
    performance.now = () => nowMs;
    room.wheel = new TimerWheel();
    room.holds = new Holds();
  });
  afterEach(() => {
    jest.useRealTimers();
    performance.now = realNow;
  });
  return {
    room,
    /** @param each is called every quarter of a second */
    pass(ms: number, each: () => void = () => undefined) {
      for (let passed = 0; passed < ms; passed += 250) {
        nowMs += 250;
        jest.advanceTimersByTime(250);
        each();
      }
    },
    client() {
      const calls: string[] = [];
      const note =
        (name: string) =>
        (...args: unknown[]) =>
          calls.push([name, ...args].join(" "));
      const data = { seat: new Seat(undefined) };
      const socket = Object.fromEntries(
        ["pause", "resume", "ping", "terminate", "close"].map((name) => [name, note(name)]),
      );
      return { calls, socket: { ...socket, data } as unknown as ClientSocket };
    },
  };
}
