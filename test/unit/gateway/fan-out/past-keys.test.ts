import { expect, test } from "bun:test";
import { PastKeys } from "../../../../src/gateway/fan-out/past-keys.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { turn } from "../../doubles/turn.ts";

/** Keys that are being read, and messages that wait for them, each of which takes a while when it goes on. */
function waiting(count: number, eachMs: number) {
  const clock = { ms: 0 };
  const loop = new LoopTime(() => clock.ms);
  const keys = new PastKeys(loop);
  const served: number[] = [];
  keys.expect(60_000);
  for (let number = 0; number < count; number++)
    keys.waits(() => {
      clock.ms += eachMs;
      served.push(number);
    });
  return { keys, served, clock };
}

test("ten thousand messages that have waited for keys go on by turns, in order, and others need not wait for them", async () => {
  const { keys, served, clock } = waiting(10_000, 0.05);
  keys.known();
  expect([served.length, keys.areKnown, keys.waits(() => undefined)]).toEqual([0, true, false]);
  for (let beganMs = clock.ms; served.length < 10_000; beganMs = clock.ms) {
    await turn();
    expect(clock.ms - beganMs).toBeLessThan(6);
  }
  expect(served).toEqual(Array.from({ length: 10_000 }, (_, number) => number));
});

test("where keys are read again before all of them went on, the rest waits for these too", async () => {
  const { keys, served } = waiting(10, 3);
  keys.known();
  await turn();
  const { length } = served;
  expect(length).toBeWithin(1, 10);
  keys.expect(60_000);
  await turn();
  await turn();
  expect(served.length).toBe(length);
  keys.known();
  while (served.length < 10) await turn();
});
