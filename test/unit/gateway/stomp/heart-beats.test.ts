import { describe, expect, test } from "bun:test";
import { TimerWheel } from "../../../../src/gateway/clients/timer-wheel.ts";
import { agreementOn, HeartBeats } from "../../../../src/gateway/stomp/heart-beats.ts";
import { makeWheelClock } from "../../doubles/wheel-clock.ts";

describe("what is agreed on", () => {
  test.each([
    [undefined, 0, 0],
    ["0,0", 0, 0],
    ["10000,20000", 20_000, 10_000],
    [" 5 , 7 ", 1000, 1000],
    ["0,30000", 30_000, 0],
    // What Java's clients say for "never": the greatest of their numbers.
    ["2147483647,9223372036854775807", Number("9223372036854775807"), 2_147_483_647],
  ])("is of %p", (header, outgoingMs, incomingMs) => {
    expect(agreementOn(header)).toEqual({ outgoingMs, incomingMs });
  });

  test.each(["", "10000", "-1,0", "a,b", "1,2,3", "1e9,0", "1.5,0"])("is nothing of %p", (header) => {
    expect(() => agreementOn(header)).toThrow("two numbers of milliseconds");
  });
});

describe("heart-beats", () => {
  const clock = makeWheelClock();

  function start(outgoingMs: number, incomingMs: number) {
    const seen = { beats: 0, silences: 0, isHeard: true };
    const heartBeats = new HeartBeats(
      new TimerWheel(),
      { outgoingMs, incomingMs },
      {
        beat: () => {
          seen.beats++;
        },
        silent: () => {
          seen.silences++;
          heartBeats.stop();
        },
        isHeard: () => seen.isHeard,
      },
    );
    return { seen, heartBeats };
  }

  test("go out at least as often as was agreed on, and not twice as often", () => {
    const { seen, heartBeats } = start(5000, 0);
    clock.pass(50_000);
    heartBeats.stop();
    expect(seen.beats).toBeGreaterThanOrEqual(10);
    expect(seen.beats).toBeLessThan(20);
    expect(seen.silences).toBe(0);
  });

  test("that do not come are missed after twice the time that was agreed on, and not before", () => {
    const { seen } = start(0, 5000);
    clock.pass(9500);
    expect(seen.silences).toBe(0);
    clock.pass(2000);
    expect(seen.silences).toBe(1);
  });

  test("that come are not missed", () => {
    const { seen, heartBeats } = start(0, 5000);
    for (let count = 0; count < 10; count++) {
      clock.pass(6000);
      heartBeats.heard();
    }
    heartBeats.stop();
    expect(seen.silences).toBe(0);
  });

  test("are not missed from a client that is not read from", () => {
    const { seen, heartBeats } = start(0, 5000);
    seen.isHeard = false;
    clock.pass(60_000);
    expect(seen.silences).toBe(0);
    seen.isHeard = true;
    clock.pass(9500);
    expect(seen.silences).toBe(0);
    clock.pass(2000);
    expect(seen.silences).toBe(1);
    heartBeats.stop();
  });
});
