import { type BackoffLimits, backoffMs } from "../../backoff.ts";
import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Slices } from "../clients/slices.ts";
import { Ahead } from "./ahead.ts";
import { Scan } from "./scan.ts";
import type { SharedLog } from "./shared-log.ts";

/** What `Scans` reports. */
export interface ScansEvents {
  /** The way to the log was lost, and the scan with it. Before the next scan there is a wait. */
  lost(): void;
  /** The wait is over, so another scan may begin. */
  rested(): void;
}

/** Runs scans of the log, one at a time. After a lost one there is a wait. */
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

  /** Whether a scan runs, or the wait after one: no other scan may begin. */
  get isBusy(): boolean {
    return this.#scan !== undefined || this.#restTimer !== undefined;
  }

  /**
   * Begins a scan. None may be running.
   *
   * @param start where it begins
   * @param until the offset at which it ends, exclusive; it may rise
   * @param done called at its end with the first offset that came; undefined if the log has nothing older
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

  /** Ends the scan, if one runs, without calling back. */
  stop(): void {
    this.#scan?.stop();
    this.#scan = undefined;
  }

  /** Ends the scan and the wait after it, without calling back. */
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
