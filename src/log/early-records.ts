import type { LogRecord } from "./record.ts";

/** What the bodies of records that wait may take together. In bytes. */
const bytesMax = 8 * 1024 ** 2;
/** What a record takes besides its body, about. In bytes. */
const overheadBytes = 512;

/** A record that waits. */
export interface EarlyRecord {
  readonly record: LogRecord;
  /** Whether clients sent what is in it, not programs. */
  readonly isFromClients: boolean;
}

/** Records that came before it was known which of them are in the log before, and wait for that. */
export class EarlyRecords {
  #waiting: EarlyRecord[] = [];
  #bytes = 0;

  /** @returns false if there is no more room: nothing should wait any longer */
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
