import type { LogRecord } from "./record.ts";

/** What the bodies of waiting records may take together. In bytes. */
const bytesMax = 8 * 1024 ** 2;
/** What a record takes besides its body, roughly. In bytes. */
const overheadBytes = 512;

/** A record that waits. */
export interface EarlyRecord {
  readonly record: LogRecord;
  /** Whether clients sent it, and not programs. */
  readonly isFromClients: boolean;
}

/** Records that wait until it is known which of them repeat earlier ones. */
export class EarlyRecords {
  #waiting: EarlyRecord[] = [];
  #bytes = 0;

  /** @returns false if there is no room: then no record should wait any longer */
  add(early: EarlyRecord, bodyBytes: number): boolean {
    this.#waiting.push(early);
    this.#bytes += bodyBytes + overheadBytes;
    return this.#bytes < bytesMax;
  }

  /** Returns all of them, in the order in which they came. */
  takeAll(): readonly EarlyRecord[] {
    const all = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    return all;
  }
}
