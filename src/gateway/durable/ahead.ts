import type { LogWindow } from "../../log/window.ts";

/** How much a reading may have on its way, in bytes of memory, estimated by the size of the records in memory. */
const aheadBytes = 1024 ** 2;
/**
 * The most records that a reading may have on their way. With few it waits for round trips, and on a busy machine even more so. While
 * others read too, the broker sends it less, since all of them wait for what is on its way.
 */
const aheadMax = 512;
/** The same while records may be large. */
export const carefulAheadRecords = 32;
/** How long readings ask for few records after one that got too much, in milliseconds. */
const carefulForMs = 60_000;

/** Decides how many records a reading of an old part of the log may have on their way. */
export class Ahead {
  readonly #window: LogWindow;
  #carefulUntilMs = 0;

  constructor(window: LogWindow) {
    this.#window = window;
  }

  /** The number of records, assuming that they are as large as the last ones. */
  get records(): number {
    if (performance.now() < this.#carefulUntilMs) return carefulAheadRecords;
    return this.#window.recordsIn(aheadBytes, carefulAheadRecords, aheadMax);
  }

  /** The records turned out to be larger. The next readings of the same part ask for fewer. */
  wasTooMuch(): void {
    this.#carefulUntilMs = performance.now() + carefulForMs;
  }
}
