import { expect, test } from "bun:test";
import { TimeShare } from "../../../src/presence/time-share.ts";
import { makeFakeClock } from "../doubles/fake-clock.ts";

const { step } = makeFakeClock();

test("work goes on at once until it has taken its part of the saved time, and then rests", () => {
  const share = new TimeShare(10, 500);
  expect(share.restMs).toBe(0);
  step(30);
  share.spent(0, 30);
  expect(share.restMs).toBe(0);
  step(30);
  share.spent(30, 30);
  // Ten times 60 ms are 600: 500 were saved, and 60 have passed.
  expect(share.restMs).toBe(40);
  step(40);
  expect(share.restMs).toBe(0);
  step(40);
  share.spent(100, 40);
  expect(share.restMs).toBe(360);
});
