import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Caution } from "../../../src/outbox/caution.ts";
import { rounds } from "../doubles/rounds.ts";

const windowMax = 10;

describe("how much may be sent", () => {
  test("is what the window has room for", () => {
    const caution = new Caution(1000);
    expect(caution.allowance(0, windowMax, 0)).toBe(10);
    expect(caution.allowance(7, windowMax, 0)).toBe(3);
    expect(caution.allowance(10, windowMax, 0)).toBe(0);
  });

  test("is nothing when the broker has been silent too long, until it is heard of", () => {
    const caution = new Caution(1000);
    caution.allowance(0, windowMax, 5000);
    expect(caution.allowance(1, windowMax, 6000)).toBe(9);
    expect(caution.allowance(1, windowMax, 6001)).toBe(0);
    expect(caution.mayTry(1, windowMax)).toBe(false);
    caution.confirmed(9000);
    expect(caution.allowance(1, windowMax, 9500)).toBe(9);
  });

  test("does not shrink where confirms are late but keep coming", () => {
    const caution = new Caution(1000);
    caution.allowance(0, windowMax, 0);
    for (let ms = 900; ms < 20_000; ms += 900) {
      caution.confirmed(ms);
      expect(caution.allowance(5, windowMax, ms + 890)).toBe(5);
    }
  });

  test("is nothing after a refusal while anything is on the wire, then one, and everything once that is confirmed", () => {
    const caution = new Caution(1000);
    caution.allowance(0, windowMax, 0);
    caution.refused(10);
    expect(caution.allowance(3, windowMax, 20)).toBe(0);
    caution.confirmed(30);
    expect(caution.allowance(1, windowMax, 30)).toBe(0);
    expect(caution.allowance(0, windowMax, 40)).toBe(1);
    expect(caution.allowance(1, windowMax, 50)).toBe(0);
    caution.confirmed(60);
    expect(caution.allowance(0, windowMax, 60)).toBe(10);
  });

  test("is one again where the one is refused too", () => {
    const caution = new Caution(1000);
    caution.refused(0);
    expect(caution.allowance(0, windowMax, 0)).toBe(1);
    caution.refused(10);
    expect(caution.allowance(0, windowMax, 10)).toBe(1);
  });

  test("is the window again on a new link", () => {
    const caution = new Caution(1000);
    caution.refused(0);
    caution.reset();
    expect(caution.allowance(0, windowMax, 0)).toBe(10);
  });
});

test("whatever happens, the window is kept, a refusal is followed by one alone, and nobody waits for nothing", () => {
  const event = fc.record({ do: fc.constantFrom("send", "confirm", "refuse"), afterMs: fc.nat(2000) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const caution = new Caution(1000);
      let [nowMs, open, isAfterRefusal] = [0, 0, false];
      for (const { do: what, afterMs } of events) {
        nowMs += afterMs;
        if (what === "send") {
          const allowance = caution.allowance(open, windowMax, nowMs);
          expect(open + allowance).toBeLessThanOrEqual(windowMax);
          if (isAfterRefusal && allowance > 0) expect([open, allowance]).toEqual([0, 1]);
          // With nothing on the wire the broker has nothing to say: to send is the only way on.
          if (open === 0) expect(allowance).toBeGreaterThan(0);
          if (isAfterRefusal && allowance > 0) isAfterRefusal = false;
          open += allowance;
        } else if (open > 0) {
          open--;
          if (what === "confirm") caution.confirmed(nowMs);
          else {
            caution.refused(nowMs);
            isAfterRefusal = true;
          }
        }
      }
    }),
    rounds(),
  );
});
