import { expect, test } from "bun:test";
import { FlushTimer } from "../../../src/events/flush-timer.ts";
import { until } from "../../support/wait.ts";

const tooLongMs = 3_600_000;

test("what comes after a quiet time goes in the next turn, what follows is gathered, and what is urgent takes it along", async () => {
  const flushes: number[] = [];
  let waiting = 0;
  const later = new FlushTimer(() => {
    flushes.push(waiting);
    waiting = 0;
  });
  const add = (isUrgent: boolean) => {
    waiting++;
    later.flush(isUrgent ? 0 : tooLongMs);
  };
  add(false);
  add(false);
  expect(flushes).toEqual([]);
  await until(() => flushes.length === 1, "the first two go");
  add(false);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  add(false);
  expect(flushes).toEqual([2]);
  add(true);
  add(false);
  await until(() => flushes.length === 2, "what is urgent goes");
  expect(flushes).toEqual([2, 4]);
  later.close();
});

test("what was gathered goes when its time is over, and nothing goes after the end", async () => {
  let flushes = 0;
  const later = new FlushTimer(() => flushes++);
  for (let n = 1; n <= 3; n++) {
    later.flush(20);
    await until(() => flushes === n, `flush ${n}`);
  }
  later.flush(20);
  later.close();
  later.flush(0);
  later.close();
  await Bun.sleep(40);
  expect(flushes).toBe(3);
});

test("what nobody waits for is gathered after a quiet time, too, and what is urgent takes it along", async () => {
  let flushes = 0;
  const later = new FlushTimer(() => flushes++);
  later.flush(tooLongMs, true);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(flushes).toBe(0);
  later.flush(0, true);
  await until(() => flushes === 1, "all goes");
  later.flush(20, true);
  await until(() => flushes === 2, "its time is over");
  later.close();
});
