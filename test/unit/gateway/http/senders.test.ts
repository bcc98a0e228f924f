import { expect, test } from "bun:test";
import { Spread } from "../../../../src/gateway/fan-out/spread.ts";
import { HttpSender } from "../../../../src/gateway/http/senders.ts";

const sender = () =>
  new HttpSender({ maxMessagesPerSecond: 0, maxBytesPerSecond: 0, floodTimeoutMs: 0 }, 0, undefined);
const messageOf = (bytes: number) => new Spread({ topic: "a", body: Buffer.alloc(bytes) }, "", undefined);

test("a sender whose messages are still being published waits when they take a megabyte, and is remembered until all have come", () => {
  const own = sender();
  const spreads = Array.from({ length: 3 }, () => messageOf(400_000));
  for (const [index, spread] of spreads.entries()) {
    expect([index, own.spreadsTooMuch]).toEqual([index, false]);
    own.spreads(spread);
  }
  expect(own.spreadsTooMuch).toBe(true);
  spreads[0]!.onDone();
  expect(own.spreadsTooMuch).toBe(false);
  spreads[1]!.onDone();
  expect(own.isForgettable(60_000)).toBe(false);
  spreads[2]!.onDone();
  expect(own.isForgettable(60_000)).toBe(true);
});
