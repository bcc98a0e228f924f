import { expect, test } from "bun:test";
import { Precedence } from "../../../../src/gateway/durable/precedence.ts";

function precedence() {
  const clock = { ms: 0, resumed: 0 };
  const self = new Precedence<string>(
    () => clock.resumed++,
    () => clock.ms,
  );
  return { clock, self };
}

test("those that have far to go pause until all that have a short way have begun", () => {
  const { clock, self } = precedence();
  self.begins("one");
  self.begins("other");
  self.hasBegun("one");
  expect([self.isPaused, clock.resumed]).toEqual([true, 0]);
  self.hasBegun("other");
  expect([self.isPaused, clock.resumed]).toEqual([false, 1]);
  // Its end is told as well.
  self.hasBegun("other");
  expect(clock.resumed).toBe(1);
  self.close();
});

test("they pause for half of the time at most, however often others come", () => {
  const { clock, self } = precedence();
  let pausedMs = 0;
  for (let round = 0; round < 100; round++) {
    const name = String(round);
    self.begins(name);
    for (let ms = 0; ms < 20; ms++) {
      if (self.isPaused) pausedMs++;
      clock.ms++;
    }
    self.hasBegun(name);
  }
  expect(pausedMs).toBeGreaterThan(clock.ms / 3);
  expect(pausedMs).toBeLessThanOrEqual(clock.ms / 2);
  self.close();
});
