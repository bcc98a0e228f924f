import { expect, test } from "bun:test";
import fc from "fast-check";
import { ReadAhead } from "../../../../../src/broker/rabbitmq/reading/read-ahead.ts";
import { rounds } from "../../../doubles/rounds.ts";

/** RabbitMQ as a stream's reader knows it: it sends until so many are unacknowledged. */
class Sender {
  readonly ahead: ReadAhead;
  readonly #prefetch: number;
  sent = 0;
  acked = 0;
  acks = 0;
  handled = 0;

  constructor(prefetch: number) {
    this.#prefetch = prefetch;
    this.ahead = new ReadAhead(prefetch);
  }

  /** What it may still send without an acknowledgement. */
  get credit(): number {
    return this.#prefetch - (this.sent - this.acked);
  }

  send(bytes: number): void {
    while (this.credit > 0) {
      this.sent++;
      this.ahead.came(bytes);
    }
  }

  handle(count: number): void {
    this.handled += count;
    const upTo = this.ahead.handled(count);
    if (upTo === undefined) return;
    expect(upTo).toBeGreaterThan(this.acked);
    expect(upTo).toBeLessThanOrEqual(this.handled);
    this.acked = upTo;
    this.acks++;
  }
}

test("a reading never stands still: when all that came is handled, more may come, whatever its size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.array(fc.record({ bytes: fc.nat(4 * 1024 ** 2), parts: fc.integer({ min: 1, max: 9 }) }), {
        minLength: 1,
        maxLength: 30,
      }),
      (prefetch, steps) => {
        const sender = new Sender(prefetch);
        for (const { bytes, parts } of steps) {
          sender.send(bytes);
          for (let part = 0; part < parts; part++)
            sender.handle(Math.floor((sender.sent - sender.handled) / (parts - part)));
          expect(sender.handled).toBe(sender.sent);
          expect(sender.credit).toBeGreaterThan(0);
        }
      },
    ),
    rounds(200),
  );
});

test("where records are small, as many as were asked for are on their way, and few acknowledgements say so", () => {
  const sender = new Sender(512);
  for (let round = 0; round < 1000; round++) {
    sender.send(300);
    sender.handle(Math.min(100, sender.sent - sender.handled));
    expect(sender.credit + sender.sent - sender.handled).toBeGreaterThan(512 - 130);
  }
  expect(sender.acks).toBeLessThan(sender.handled / 100);
});

test("where records turn out to be large, no more than a mebibyte of them is on its way, but for the first ones", () => {
  const sender = new Sender(512);
  const bytes = 32 * 1024;
  sender.send(bytes);
  while (sender.handled < 5000) {
    sender.handle(Math.min(8, sender.sent - sender.handled));
    sender.send(bytes);
    if (sender.handled > 1000) expect((sender.sent - sender.handled) * bytes).toBeLessThanOrEqual(1024 ** 2);
  }
});
