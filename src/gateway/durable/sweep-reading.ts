import { type LogReading, markContentType } from "../../broker/broker.ts";
import { Deque } from "../../collections/deque.ts";
import { contentsWith, type Envelope } from "../../envelope/envelope.ts";
import { openForClients } from "../../log/opening.ts";
import { LogRecord, type Opener } from "../../log/record.ts";
import { Repeats } from "../../log/repeats.ts";
import { type Ahead, carefulAheadRecords } from "./ahead.ts";
import type { SharedLog } from "./shared-log.ts";

/** What may wait here to be dealt with, in bytes of bodies. What comes beyond that is let go of, and read again. */
const waitingBytesMax = 16 * 1024 ** 2;

/**
 * A reading of what is older than anybody here has followed begins this many records before its start, to know what is repeated just after it:
 * about what a manager has on its way when its connection is lost.
 */
const pastRecords = 1024;

/** What a reading reports. */
export interface SweepReadingEvents {
  /** There is something to take. */
  came(): void;
  /** The reading has ended; see `LogReader`. This also says that it cannot go on without a gap. */
  ended(why: "nothing kept" | "lost"): void;
}

/** A record that waits to be dealt with, and the bytes of its body. */
interface Waiting {
  readonly record: LogRecord;
  readonly envelope: Envelope;
  readonly bytes: number;
}

/**
 * What a sweep reads, and what of it waits to be dealt with. Records that are small come ahead by the hundred; should they turn
 * out to be large, those that find no room are read once more.
 */
export class SweepReading {
  readonly #log: SharedLog;
  readonly #ahead: Ahead;
  readonly #events: SweepReadingEvents;
  readonly #opener: Opener;
  readonly #repeats = new Repeats();
  readonly #waiting = new Deque<Waiting>();
  #waitingBytes = 0;
  /** The first record that found no room: from here on it is read again, once what waits is dealt with. */
  #readAgainFrom: number | undefined;
  /** It is being read again, and this record has not come yet. */
  #resumesAt: number | undefined;
  #reading: LogReading;
  #isOver = false;

  constructor(log: SharedLog, start: "first" | number, ahead: Ahead, events: SweepReadingEvents) {
    this.#log = log;
    this.#ahead = ahead;
    this.#events = events;
    this.#opener = quietOpener(log.recordBytesMax);
    this.#reading = this.#read(this.#withPast(start), ahead.records);
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The bodies that wait here, in bytes. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Takes out the record that came first. */
  take(): LogRecord | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#waitingBytes -= next.bytes;
    this.#repeats.mark(next.record, next.envelope);
    this.#log.repeats.tell(next.record);
    return next.record;
  }

  /** This many more of those that were taken are dealt with. */
  handled(count: number): void {
    this.#reading.handled(count);
    if (this.#readAgainFrom === undefined || !this.isEmpty) return;
    this.#resumesAt = this.#readAgainFrom;
    this.#readAgainFrom = undefined;
    this.#reading = this.#read(this.#resumesAt, carefulAheadRecords);
  }

  stop(): void {
    this.#isOver = true;
    this.#reading.stop();
  }

  /** What came before the follower knew of repeats may be one of what lies before its start. */
  #withPast(start: "first" | number): "first" | number {
    if (start === "first" || start >= (this.#log.repeats.from ?? Number.POSITIVE_INFINITY)) return start;
    return start > pastRecords ? start - pastRecords : "first";
  }

  #read(start: "first" | number, aheadMax: number): LogReading {
    return this.#log.read(start, {
      aheadMax,
      record: (offset, exchange, envelope) => {
        if (this.#resumesAt !== undefined && !this.#isResumedBy(offset)) return;
        const record = new LogRecord(offset, exchange, envelope, this.#opener);
        this.#came({ record, envelope, bytes: envelope.body.byteLength });
      },
      ended: (why) => this.#events.ended(why),
    });
  }

  /** Some dozens find room whatever their size. */
  #came(waiting: Waiting): void {
    const { record, bytes } = waiting;
    if (this.#isOver || this.#readAgainFrom !== undefined) return;
    if (this.#waitingBytes + bytes > waitingBytesMax && this.#waiting.length >= carefulAheadRecords) {
      this.#readAgainFrom = record.offset;
      this.#ahead.wasTooMuch();
      this.#reading.stop();
      return;
    }
    this.#waitingBytes += bytes;
    this.#waiting.push(waiting);
    this.#events.came();
  }

  /** RabbitMQ may begin with what lies before the record that was asked for; and the log may have dropped that one meanwhile. */
  #isResumedBy(offset: number): boolean {
    if (offset === this.#resumesAt) {
      this.#resumesAt = undefined;
      return true;
    }
    if (offset < this.#resumesAt!) this.#reading.handled(1);
    else this.#events.ended("lost");
    return false;
  }
}

/** What cannot be read was warned of when it came first. */
function quietOpener(recordBytesMax: number): Opener {
  return (record, envelope) => {
    if (envelope.contentType === markContentType) return contentsWith([]);
    try {
      return openForClients(record, envelope, recordBytesMax);
    } catch {
      return contentsWith([]);
    }
  };
}
