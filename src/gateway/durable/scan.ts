import type { LogRecord } from "../../log/record.ts";
import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { Ahead } from "./ahead.ts";
import type { SharedLog } from "./shared-log.ts";
import { SweepReading } from "./sweep-reading.ts";

/** A reading that gets nothing for this long has reached the log's end, or is stuck: it counts as lost. In milliseconds. */
const silenceMsMax = 15_000;

/** What a scan reports. */
export interface ScanEvents {
  /** The next record of the part. */
  record(record: LogRecord): void;
  /** The whole part was read. `first` is the first offset that came; undefined if the log has nothing older. */
  done(first: number | undefined): void;
  /** The way to the log was lost. */
  lost(): void;
}

/** Reads one part of the log, in slices of the event loop's time, and passes on its records. */
export class Scan implements Task {
  readonly #slices: Slices;
  readonly #start: "first" | number;
  readonly #until: () => number;
  readonly #events: ScanEvents;
  readonly #reading: SweepReading;
  readonly #silenceTimer: NodeJS.Timeout;
  #first: number | undefined;
  #isOver = false;

  /**
   * @param start where reading begins
   * @param until the offset at which it ends, exclusive; it may rise
   */
  constructor(
    log: SharedLog,
    slices: Slices,
    ahead: Ahead,
    start: "first" | number,
    until: () => number,
    events: ScanEvents,
  ) {
    this.#slices = slices;
    this.#start = start;
    this.#until = until;
    this.#events = events;
    this.#silenceTimer = setTimeout(() => this.#end(() => events.lost()), silenceMsMax);
    this.#reading = new SweepReading(log, start, ahead, {
      came: () => {
        this.#silenceTimer.refresh();
        this.#slices.ask(this);
      },
      ended: (why) =>
        this.#end(() => (why === "lost" ? this.#events.lost() : this.#events.done(this.#first))),
    });
  }

  run(untilMs: number): void {
    let handled = 0;
    while (!this.#isOver) {
      const record = this.#reading.take();
      if (record === undefined) break;
      handled++;
      if (this.#start === "first" || record.offset >= this.#start) this.#first ??= record.offset;
      if (record.offset >= this.#until()) {
        this.#end(() => this.#events.done(this.#first));
        return;
      }
      // RabbitMQ may begin with records before the one that was asked for.
      if (this.#first !== undefined) this.#events.record(record);
      if (performance.now() >= untilMs) break;
    }
    if (this.#isOver) return;
    if (!this.#reading.isEmpty) this.#slices.ask(this);
    if (handled > 0) this.#reading.handled(handled);
  }

  /** Ends the reading without calling back. */
  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#silenceTimer);
    this.#slices.forget(this);
    this.#reading.stop();
  }

  #end(tell: () => void): void {
    if (this.#isOver) return;
    this.stop();
    tell();
  }
}
