import type { LogWindow } from "../../log/window.ts";

/** What is sent ahead, in bytes as it would cost in memory, by the size of the records that are in memory. */
const aheadBytes = 1024 ** 2;
/**
 * The most records that a reading asks for. With few it waits for round trips, on a busy machine sooner. The broker gives it less where
 * others read too, since all of them wait for what was sent ahead.
 */
const aheadMax = 512;
/** The same number where records may be large. */
export const carefulAheadRecords = 32;
/** How long readings are careful after one that was sent too much, in milliseconds. */
const carefulForMs = 60_000;

/** How many records the readings of old parts of the log are sent ahead. */
export class Ahead {
  readonly #window: LogWindow;
  #carefulUntilMs = 0;

  constructor(window: LogWindow) {
    this.#window = window;
  }

  /** Records are taken to be as large as those that came last. */
  get records(): number {
    if (performance.now() < this.#carefulUntilMs) return carefulAheadRecords;
    return this.#window.recordsIn(aheadBytes, carefulAheadRecords, aheadMax);
  }

  /** They turned out to be larger. The next readings of the same part are not sent as much again. */
  wasTooMuch(): void {
    this.#carefulUntilMs = performance.now() + carefulForMs;
  }
}
