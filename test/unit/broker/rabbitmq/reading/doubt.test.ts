import { expect, test } from "bun:test";
import { Doubt } from "../../../../../src/broker/rabbitmq/reading/doubt.ts";

test("a log that does not show what was seen last is taken for another one after a minute in all, however often the connection is lost", () => {
  const doubt = new Doubt();
  expect(doubt.leftMs).toBe(60_000);
  for (let session = 0; session < 5; session++) doubt.ended(false, false, 10_000);
  expect(doubt.leftMs).toBe(10_000);
  doubt.ended(false, false, 20_000);
  // It may have been shown at once.
  expect(doubt.leftMs).toBe(1000);
  doubt.ended(true, false, 1_000_000);
  expect(doubt.leftMs).toBe(60_000);
});

test("where RabbitMQ has cancelled the follower it is after three seconds, also when the next session is lost before that", () => {
  const doubt = new Doubt();
  doubt.ended(true, true, 1_000_000);
  expect(doubt.leftMs).toBe(3000);
  doubt.ended(false, false, 400);
  expect(doubt.leftMs).toBe(2600);
  doubt.ended(true, false, 400);
  expect(doubt.leftMs).toBe(60_000);
});

test("one that ends before what was seen last is another one when it was asked twice in one session", () => {
  const doubt = new Doubt();
  doubt.opened();
  expect([true, false, true].map((isShorter) => doubt.asked(isShorter))).toEqual([false, false, false]);
  doubt.opened();
  expect([true, true].map((isShorter) => doubt.asked(isShorter))).toEqual([false, true]);
});
