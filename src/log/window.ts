import { Deque } from "../collections/deque.ts";
import { PackOrigins } from "./pack-origins.ts";
import { positionText } from "./position.ts";
import type { LogRecord } from "./record.ts";
import { Times } from "./times.ts";

/**
 * The newest part of the log, in memory: everything from offset `coversFrom` on. Offsets may skip, so records also have consecutive
 * sequence numbers, by which readers step through them. Records that had to make room have sequence numbers below `begin`.
 */
export class LogWindow {
  readonly #bytesMax: number;
  readonly #records = new Deque<LogRecord>();
  /** The decoded records, in the order in which they were decoded, and what they cost. */
  readonly #open = new Deque<LogRecord>();
  #openBytes = 0;
  /** How many of them were decoded since `#rest` ran last. */
  #fresh = 0;
  #resting: NodeJS.Timeout | undefined;
  #begin = 0;
  #bytes = 0;
  #coversFrom: number | undefined;
  #isAllThereIs = false;
  readonly #times = new Times();
  readonly #origins = new PackOrigins();
  #last = -1;
  /** The last offset that holds no record but is known by its fingerprint. */
  #marked: { readonly offset: number; readonly fingerprint: string } | undefined;

  /** @param bytesMax what the records may cost together; the newest record is kept whatever it costs */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes + this.#openBytes;
  }

  /** The lowest offset from which on nothing is missing; undefined until the log is being followed. */
  get coversFrom(): number | undefined {
    return this.#coversFrom;
  }

  /** Whether the log is known to have no record that is older than those in memory. */
  get isWhole(): boolean {
    return this.#coversFrom === 0 || this.#isAllThereIs;
  }

  /** The log was read from its beginning, and nothing came before what is in memory. Since nothing is added there, that stays so. */
  nothingIsOlder(): void {
    this.#isAllThereIs = this.#coversFrom !== undefined;
  }

  /** The highest offset that the log is known to have reached. */
  get last(): number {
    return this.#last;
  }

  /** The sequence number of the oldest record. */
  get begin(): number {
    return this.#begin;
  }

  /** The sequence number that the next record will have. */
  get end(): number {
    return this.#begin + this.#records.length;
  }

  /**
   * How many records cost this much together, judging by those in memory.
   *
   * @param bytes what they would take in memory
   * @param least, most the bounds of the result; `most` is returned if nothing is in memory
   */
  recordsIn(bytes: number, least: number, most: number): number {
    const count = this.#records.length;
    if (count === 0) return most;
    return Math.min(most, Math.max(least, Math.floor((bytes * count) / this.bytes)));
  }

  at(sequence: number): LogRecord | undefined {
    return this.#records.at(sequence - this.#begin);
  }

  /** @param isReadNow whether a subscription reads the record now; if not, what was decoded of a pack is dropped, to be decoded again when needed */
  append(record: LogRecord, isReadNow = true): void {
    this.reached(record.offset);
    record.keep(this.#opened, isReadNow, this.#origins);
    this.#records.push(record);
    this.#times.push(record.timestamp ?? Math.floor(Date.now() / 1000));
    this.#bytes += record.costBytes;
    while (this.bytes > this.#bytesMax && this.#records.length > 1) {
      const dropped = this.#records.shift()!;
      this.#begin++;
      this.#bytes -= dropped.costBytes;
      this.#close(dropped);
      this.#coversFrom = dropped.offset + 1;
      this.#isAllThereIs = false;
      this.#times.shift();
    }
  }

  /**
   * The log is being followed, and has reached this offset.
   *
   * @param fingerprint of what is at the offset, if that is not a record
   */
  reached(offset: number, fingerprint?: string): void {
    this.#coversFrom ??= offset;
    this.#last = Math.max(this.#last, offset);
    if (fingerprint !== undefined) this.#marked = { offset, fingerprint };
  }

  /** Whether the entry at this offset has this fingerprint; undefined if it is not in memory. */
  hasAt(offset: number, fingerprint: string): boolean | undefined {
    const record = this.at(this.sequenceOf(offset));
    if (record?.offset === offset) return record.fingerprint === fingerprint;
    return this.#marked?.offset === offset ? this.#marked.fingerprint === fingerprint : undefined;
  }

  /** The position after this offset, as clients see it: the end of the last record up to it. */
  nameOf(offset: number): string {
    const record = this.at(this.sequenceOf(offset + 1) - 1);
    if (record !== undefined) return record.endPosition;
    const marked = this.#marked;
    const isMarked =
      marked !== undefined && marked.offset <= offset && marked.offset >= this.#coversFrom! - 1;
    return isMarked ? positionText(marked.offset, 0, 1, marked.fingerprint) : positionText(offset, 0, 1);
  }

  /** The sequence number of the first record whose offset is not below this one. */
  sequenceOf(offset: number): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#records.at(middle)!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return this.#begin + low;
  }

  /**
   * The sequence number of the first record that is not older than this, in seconds since 1970, going by its publisher's time or else by
   * when it came; `end` if there is none.
   */
  sequenceOfTime(timestamp: number): number {
    return this.#begin + this.#times.firstNotBefore(timestamp);
  }

  /** Stops the timer. Nothing reads the window any more. */
  close(): void {
    clearTimeout(this.#resting);
    this.#resting = undefined;
  }

  /** Drops everything, since the next record does not follow on the last one. */
  clear(): void {
    this.#begin = this.end;
    while (this.#records.shift() !== undefined) this.#times.shift();
    while (this.#open.shift() !== undefined);
    this.#fresh = 0;
    this.#bytes = 0;
    this.#openBytes = 0;
    this.#coversFrom = undefined;
    this.#isAllThereIs = false;
    this.#last = -1;
    this.#marked = undefined;
  }

  /** A record was decoded. Only the most recently decoded ones stay decoded, whatever reads them. */
  readonly #opened = (record: LogRecord): void => {
    this.#open.push(record);
    this.#fresh++;
    this.#resting ??= setTimeout(this.#rest, restMs);
    this.#openBytes += record.openCostBytes;
    while (this.#openBytes > this.#bytesMax / openShare && this.#open.length > 1) {
      const oldest = this.#open.shift()!;
      // A record that was closed as it was dropped, and is decoded again, is listed twice.
      if (oldest !== record) this.#close(oldest);
    }
  };

  /** Drops what was decoded before the last call: after a flood, many small objects would otherwise stay in memory. */
  readonly #rest = (): void => {
    while (this.#open.length > this.#fresh) this.#close(this.#open.shift()!);
    this.#fresh = 0;
    this.#resting = this.#open.length > 0 ? setTimeout(this.#rest, restMs) : undefined;
  };

  /** Closes a record. One that was dropped and closed before may still be in `#open` for a while. */
  #close(record: LogRecord): void {
    if (!record.isOpen) return;
    this.#openBytes -= record.openCostBytes;
    record.close();
  }
}

/** A decoded record stays decoded for at least this time and at most twice as long, if there is room. In milliseconds. */
const restMs = 3000;
/** Decoded records may take at most this part of the window's size, except for the last one. */
const openShare = 4;
