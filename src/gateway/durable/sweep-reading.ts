import { type LogReading, markContentType } from "../../broker/broker.ts";
import { Deque } from "../../collections/deque.ts";
import { contentsWith, type Envelope } from "../../envelope/envelope.ts";
import { openForClients } from "../../log/opening.ts";
import { LogRecord, type Opener } from "../../log/record.ts";
import { Repeats } from "../../log/repeats.ts";
import { type Ahead, carefulAheadRecords } from "./ahead.ts";
import type { SharedLog } from "./shared-log.ts";

/** How many bytes of bodies may wait here. Records beyond that are dropped and read again later. */
const waitingBytesMax = 16 * 1024 ** 2;

/**
 * A reading of what is older than the follower has read begins this many records before its start, to recognize repeats just after it. A
 * manager has about this many records on their way when its connection is lost.
 */
const pastRecords = 1024;

/** What a reading reports. */
export interface SweepReadingEvents {
  /** There are records to take. */
  came(): void;
  /** The reading has ended; see `LogReader`. This is also called if it cannot go on without a gap. */
  ended(why: "nothing kept" | "lost"): void;
}

/** A waiting record, and the size of its body in bytes. */
interface Waiting {
  readonly record: LogRecord;
  readonly envelope: Envelope;
  readonly bytes: number;
}

/**
 * What a sweep reads, with the records that wait to be handled. Small records are sent ahead by the hundred. If they turn out to be large,
 * those without room are read again.
 */
export class SweepReading {
  readonly #log: SharedLog;
  readonly #ahead: Ahead;
  readonly #events: SweepReadingEvents;
  readonly #opener: Opener;
  readonly #repeats = new Repeats();
  readonly #waiting = new Deque<Waiting>();
  #waitingBytes = 0;
  /** The first record that found no room. Reading starts again from here when the waiting ones are handled. */
  #readAgainFrom: number | undefined;
  /** Set while it reads again and this record has not come yet. */
  #resumesAt: number | undefined;
  #reading: LogReading;
  #isOver = false;
  /** The offset of the first record that was taken and has messages; infinite if there was none. */
  #firstWithMessages = Number.POSITIVE_INFINITY;

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

  /** How many bytes of bodies wait here. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether a record before this offset was taken that has messages: marks have none. */
  hadMessagesBefore(offset: number): boolean {
    return this.#firstWithMessages < offset;
  }

  /** Removes and returns the oldest record. */
  take(): LogRecord | undefined {
    const next = this.#waiting.shift();
    if (next === undefined) return undefined;
    this.#waitingBytes -= next.bytes;
    this.#repeats.mark(next.record, next.envelope);
    this.#log.repeats.tell(next.record);
    if (this.#firstWithMessages === Number.POSITIVE_INFINITY && next.record.heads.length > 0)
      this.#firstWithMessages = next.record.offset;
    return next.record;
  }

  /** This many more of the taken records are handled. */
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

  /** Records from before the follower knew of repeats may repeat some that lie before the start. */
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

  /** The first few dozen records always have room, whatever their size. */
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

  /** Whether reading has reached the record that was asked for. RabbitMQ may begin before it, and the log may have dropped it meanwhile. */
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

/** Opens without warnings: a record that cannot be read was warned of when it first came. */
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
