import { type BackoffLimits, backoffMs } from "../../backoff.ts";
import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Slices } from "../clients/slices.ts";
import { Ahead } from "./ahead.ts";
import { Scan } from "./scan.ts";
import type { SharedLog } from "./shared-log.ts";

/** What `Scans` reports. */
export interface ScansEvents {
  /** The way to the log was lost, and the scan with it. It rests now. */
  lost(): void;
  /** It may scan again after one that was lost. */
  rested(): void;
}

/** Scans of the log, one at a time. After one that was lost it rests for a while. */
export class Scans {
  readonly #log: SharedLog;
  readonly #slices: Slices;
  readonly #ahead: Ahead;
  readonly #retryBackoff: BackoffLimits;
  readonly #events: ScansEvents;
  #scan: Scan | undefined;
  #failures = 0;
  #restTimer: NodeJS.Timeout | undefined;

  constructor(
    log: SharedLog,
    window: LogWindow,
    slices: Slices,
    retryBackoff: BackoffLimits,
    events: ScansEvents,
  ) {
    this.#log = log;
    this.#slices = slices;
    this.#ahead = new Ahead(window);
    this.#retryBackoff = retryBackoff;
    this.#events = events;
  }

  /** Whether it scans or rests: no other scan may begin. */
  get isBusy(): boolean {
    return this.#scan !== undefined || this.#restTimer !== undefined;
  }

  /**
   * Begins a scan; there must be none.
   *
   * @param start where it begins
   * @param until the offset before which it ends, which may rise
   * @param done called at its end with the first offset that it got; undefined if the log has nothing older
   */
  begin(
    start: "first" | number,
    until: () => number,
    onRecord: (record: LogRecord) => void,
    done: (first: number | undefined) => void,
  ): void {
    this.#scan = new Scan(this.#log, this.#slices, this.#ahead, start, until, {
      record: onRecord,
      done: (first) => {
        this.#scan = undefined;
        this.#failures = 0;
        done(first);
      },
      lost: () => this.#rest(),
    });
  }

  /** Ends the scan, if there is one, without telling anybody. */
  stop(): void {
    this.#scan?.stop();
    this.#scan = undefined;
  }

  /** Ends the scan and the rest after it, without telling anybody. */
  reset(): void {
    this.stop();
    clearTimeout(this.#restTimer);
    this.#restTimer = undefined;
  }

  #rest(): void {
    this.#scan = undefined;
    const waitMs = backoffMs(++this.#failures, this.#retryBackoff, Math.random());
    this.#restTimer = setTimeout(() => {
      this.#restTimer = undefined;
      this.#events.rested();
    }, waitMs);
    this.#events.lost();
  }
}
