import { beforeEach } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Holds } from "../../../../src/gateway/clients/holds.ts";
import { Seat } from "../../../../src/gateway/clients/seat.ts";
import { TimerWheel } from "../../../../src/gateway/clients/timer-wheel.ts";
import { makeWheelClock } from "../../doubles/wheel-clock.ts";

/** A wheel whose time passes as tests like, and clients that note what is done to them. For a test file's top level. */
export function makeRoom() {
  const { pass } = makeWheelClock();
  const room = { wheel: new TimerWheel(), holds: new Holds() };
  beforeEach(() => {
    room.wheel = new TimerWheel();
    room.holds = new Holds();
  });
  return {
    room,
    pass,
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
      const getBufferedAmount = () => 0;
      return { calls, socket: { getBufferedAmount, ...socket, data } as unknown as ClientSocket };
    },
  };
}
