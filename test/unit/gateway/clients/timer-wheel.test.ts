import { describe, expect, jest, test } from "bun:test";
import { slotMs, TimerWheel } from "../../../../src/gateway/clients/timer-wheel.ts";
import { agreementOn, HeartBeats } from "../../../../src/gateway/stomp/heart-beats.ts";
import { StompFault } from "../../../../src/wire/stomp/fault.ts";
import { turn } from "../../doubles/turn.ts";
import { makeWheelClock } from "../../doubles/wheel-clock.ts";

const { pass, spend, stall } = makeWheelClock();

describe("a timer wheel", () => {
  test("calls each when it is due, again and again", () => {
    const wheel = new TimerWheel();
    const calls: string[] = [];
    for (const [name, everyMs] of [
      ["fast", 500],
      ["slow", 2000],
    ] as const) {
      const due = () => {
        calls.push(name);
        return everyMs;
      };
      wheel.add({ due }, everyMs);
    }
    pass(2000);
    expect(calls).toEqual(["fast", "fast", "fast", "slow", "fast"]);
  });

  test("stands still while its clock is behind, and goes on from there", () => {
    const wheel = new TimerWheel();
    let calls = 0;
    wheel.add({ due: () => ++calls && 500 }, 500);
    pass(1000);
    expect(calls).toBe(2);
    spend(-10_000);
    pass(1000);
    expect(calls).toBe(2);
    pass(9500);
    expect(calls).toBe(3);
  });

  test("calls what is due in more than a turn early", () => {
    const wheel = new TimerWheel();
    let calls = 0;
    const due = () => {
      calls++;
      return 1e9;
    };
    wheel.add({ due }, 1e9);
    pass(63_500);
    expect(calls).toBe(0);
    pass(250);
    expect(calls).toBe(1);
  });

  test("has one timer, and none while it is empty", () => {
    const wheel = new TimerWheel();
    const timed = [1, 2, 3].map(() => ({ due: () => 500 }));
    for (const each of timed) wheel.add(each, 500);
    expect(jest.getTimerCount()).toBe(1);
    for (const each of timed) wheel.remove(each);
    wheel.remove(timed[0]!);
    expect(jest.getTimerCount()).toBe(0);
  });

  test("once closed has no timer, calls nobody and takes nothing more", () => {
    const wheel = new TimerWheel();
    let calls = 0;
    const timed = [1, 2].map(() => ({ due: () => ++calls && 500 }));
    for (const each of timed) wheel.add(each, 500);
    wheel.close();
    wheel.add(timed[0]!, 500);
    expect(jest.getTimerCount()).toBe(0);
    pass(5000);
    expect(calls).toBe(0);
  });

  test("calls no timer that was removed, even in the same moment", () => {
    const wheel = new TimerWheel();
    const calls: number[] = [];
    const timed = [1, 2].map((number) => ({
      due() {
        calls.push(number);
        for (const each of timed) wheel.remove(each);
        return 500;
      },
    }));
    for (const each of timed) wheel.add(each, 500);
    pass(5000);
    expect(calls).toEqual([1]);
  });
});

describe("thousands that are due in the same moment", () => {
  test("are called in several turns of the event loop, each once, and none that was removed meanwhile", async () => {
    const wheel = new TimerWheel();
    const calls: number[] = [];
    const timed = Array.from({ length: 20 }, (_, number) => ({
      due() {
        calls.push(number);
        spend(1);
        return 60_000;
      },
    }));
    for (const each of timed) wheel.add(each, slotMs);
    pass(slotMs);
    expect(calls.length).toBe(4);
    wheel.remove(timed[19]!);
    for (const sum of [9, 14, 19, 19]) {
      await turn();
      expect(calls.length).toBe(sum);
    }
    expect(calls).toEqual(Array.from({ length: 19 }, (_, number) => number));
  });
});

describe("heart-beats", () => {
  test("are agreed on as the client likes, but no more often than every second", () => {
    expect(agreementOn(undefined)).toEqual({ outgoingMs: 0, incomingMs: 0 });
    expect(agreementOn("0,0")).toEqual({ outgoingMs: 0, incomingMs: 0 });
    expect(agreementOn("5000, 1")).toEqual({ outgoingMs: 1000, incomingMs: 5000 });
    for (const bad of ["", "1", "1,2,3", "-1,0", "a,b", "1e3,1"])
      expect(() => agreementOn(bad)).toThrow(StompFault);
  });

  function client(incomingMs: number, outgoingMs: number) {
    const wheel = new TimerWheel();
    const seen = { beats: 0, silences: 0, isHeard: true };
    const heartBeats = new HeartBeats(
      wheel,
      { incomingMs, outgoingMs },
      {
        beat: () => seen.beats++,
        silent() {
          seen.silences++;
          heartBeats.stop();
        },
        isHeard: () => seen.isHeard,
      },
    );
    return { seen, heartBeats };
  }

  test("go out in time, whatever the interval", () => {
    for (const intervalMs of [1000, 10_000, 100_000]) {
      const { seen, heartBeats } = client(0, intervalMs);
      pass(10 * intervalMs);
      expect(seen.beats).toBeGreaterThanOrEqual(10);
      expect(seen.beats).toBeLessThan(15);
      heartBeats.stop();
    }
  });

  test("that do not come end the session after twice the interval, and not before", () => {
    const { seen, heartBeats } = client(10_000, 0);
    pass(15_000);
    heartBeats.heard();
    pass(19_500);
    expect(seen.silences).toBe(0);
    pass(1000);
    expect(seen.silences).toBe(1);
  });

  test("are not missed while the client is not read from, nor while the process is held up", () => {
    const { seen } = client(1000, 0);
    seen.isHeard = false;
    pass(10_000);
    seen.isHeard = true;
    pass(1000);
    stall(60_000);
    expect(seen.silences).toBe(0);
    pass(5000);
    expect(seen.silences).toBe(1);
  });
});
