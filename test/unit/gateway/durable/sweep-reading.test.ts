import { expect, test } from "bun:test";
import fc from "fast-check";
import type { LogReader, LogReading, LogStart } from "../../../../src/broker/broker.ts";
import { seal } from "../../../../src/envelope/envelope.ts";
import { Ahead } from "../../../../src/gateway/durable/ahead.ts";
import { SweepReading } from "../../../../src/gateway/durable/sweep-reading.ts";
import { LogWindow } from "../../../../src/log/window.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { rounds } from "../../doubles/rounds.ts";

const mebibyte = 1024 ** 2;
const body = Buffer.alloc(2 * mebibyte);
const plain = seal({ body: "", topic: "t" }, "id", "app", 0);

/** A log whose readings get what they may have when the test says so. As in RabbitMQ, a chunk is shown as a whole. */
class ChunkedLog {
  readonly sizes: readonly number[];
  readonly #chunkRecords: number;
  keptFrom = 0;
  readings = 0;
  /** The reading that is not over. */
  current: { reader: LogReader; next: number; start: number; ahead: number } | undefined;

  constructor(sizes: readonly number[], chunkRecords: number) {
    this.sizes = sizes;
    this.#chunkRecords = chunkRecords;
  }

  read(start: LogStart, reader: LogReader): LogReading {
    this.readings++;
    const from = Math.max(start as number, this.keptFrom);
    const next = from - (from % this.#chunkRecords);
    const reading = { reader, next, start: from, ahead: 0 };
    this.current = reading;
    return {
      handled: (count) => {
        reading.ahead -= count;
      },
      stop: () => {
        if (this.current === reading) this.current = undefined;
      },
    };
  }

  /** Sends so many records, if they may be sent. */
  send(count: number): void {
    for (let sent = 0; sent < count; sent++) {
      const { current } = this;
      if (current === undefined || current.ahead >= current.reader.aheadMax) return;
      const offset = current.next;
      if (offset >= this.sizes.length) return;
      current.next++;
      current.ahead++;
      const envelope = { ...plain, body: body.subarray(0, this.sizes[offset]!) };
      current.reader.record(offset, "wsmanager", envelope);
    }
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("send" as const), count: fc.integer({ min: 1, max: 200 }) }),
  fc.record({ do: fc.constant("take" as const), count: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ do: fc.constant("drop" as const), count: fc.integer({ min: 1, max: 40 }) }),
);

test("what is read comes once and in order, whatever its size and however it is sent, or the reading says that it cannot go on", () => {
  let readAgain = 0;
  let lost = 0;
  const tried = rounds(60);
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0, 100, 100, 1000, mebibyte, 2 * mebibyte), {
        minLength: 200,
        maxLength: 800,
      }),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(100),
      fc.array(step, { minLength: 20, maxLength: 150 }),
      (sizes, chunkRecords, start, steps) => {
        const log = new ChunkedLog(sizes, chunkRecords);
        let end: string | undefined;
        const taken: number[] = [];
        let waitingBytes = 0;
        const shared = {
          read: log.read.bind(log),
          mark: () => () => undefined,
          recordBytesMax: mebibyte,
          ...nothingRepeated(),
        };
        const reading = new SweepReading(shared, start, new Ahead(new LogWindow(1)), {
          came: () => undefined,
          ended: (why) => {
            end = why;
            reading.stop();
          },
        });
        const take = (count: number) => {
          let handled = 0;
          for (let record = reading.take(); record !== undefined; record = reading.take()) {
            taken.push(record.offset);
            if (++handled === count) break;
          }
          reading.handled(handled);
        };
        for (const one of steps) {
          if (end !== undefined) break;
          if (one.do === "send") log.send(one.count);
          else if (one.do === "take") take(one.count);
          else log.keptFrom = Math.min(log.keptFrom + one.count, sizes.length - 1);
          waitingBytes = Math.max(waitingBytes, reading.waitingBytes);
        }
        for (
          let rounds = 0;
          rounds < 4000 && end === undefined && taken.at(-1) !== sizes.length - 1;
          rounds++
        ) {
          log.send(50);
          take(50);
        }
        // Those before the first one its members know by their places to be none of theirs.
        const first = start - (start % chunkRecords);
        expect(taken).toEqual(Array.from({ length: taken.length }, (_, index) => first + index));
        if (end === undefined) expect(taken.at(-1)).toBe(sizes.length - 1);
        else lost++;
        // Thirty-two of the largest, or sixteen mebibytes.
        expect(waitingBytes).toBeLessThanOrEqual(32 * 2 * mebibyte);
        readAgain += log.readings - 1;
        reading.stop();
      },
    ),
    tried,
  );
  // Or the rounds would be of no use.
  expect(readAgain).toBeGreaterThan(tried.numRuns / 3);
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan((tried.numRuns * 5) / 6);
});
