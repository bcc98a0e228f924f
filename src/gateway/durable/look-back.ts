import type { LogWindow } from "../../log/window.ts";
import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import { NewestOfAll, type Wanted } from "./newest.ts";
import type { Scans } from "./scans.ts";
import type { DurableSubscription } from "./subscription.ts";

/** The length of the first part that is read, in records before what is in memory. Each further part reaches this many times as far. */
const firstPartRecords = 4096;
const partFactor = 8;

/**
 * One search for the newest messages that some subscriptions match. It goes back through what is in memory, and then reads parts of the log
 * that reach further and further back.
 */
export class LookBack implements Task {
  /** The offset that the log had reached when the search began. */
  readonly reached: number;
  readonly newest = new NewestOfAll();
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #scans: Scans;
  readonly #onFound: (search: LookBack) => void;
  /** The next record in memory to be examined. */
  #sequence: number;
  /** The offset of the oldest record in memory that was examined. */
  #oldest: number | undefined;

  /** @param onFound called when all are found, or all of the log was examined */
  constructor(window: LogWindow, slices: Slices, scans: Scans, onFound: (search: LookBack) => void) {
    this.#window = window;
    this.#slices = slices;
    this.#scans = scans;
    this.#onFound = onFound;
    this.reached = window.last;
    this.#sequence = window.end - 1;
  }

  /** Adds a subscription. Call it before `begin`. Returns false if there is no room for it, so that it has to wait for the next search. */
  add(subscription: DurableSubscription, wanted: Wanted): boolean {
    return this.newest.add(subscription, wanted);
  }

  begin(): void {
    this.#slices.ask(this);
  }

  /** Examines what is in memory, from the newest record back. */
  run(untilMs: number): void {
    const window = this.#window;
    while (this.#sequence >= window.begin && !this.newest.isComplete) {
      const record = window.at(this.#sequence)!;
      this.newest.older(record);
      this.#oldest = record.offset;
      this.#sequence--;
      if (performance.now() >= untilMs) {
        this.#slices.ask(this);
        return;
      }
    }
    if (this.newest.isComplete) this.#onFound(this);
    else this.#readPart(this.#oldest ?? window.coversFrom ?? 0, firstPartRecords);
  }

  /** Ends the search without calling back. Its owner has to stop its scan. */
  stop(): void {
    this.#slices.forget(this);
  }

  /** @param until the offset of a record in the log; everything older is still to be examined */
  #readPart(until: number, records: number): void {
    const start = until <= records ? "first" : until - records;
    const done = (first: number | undefined) => {
      this.newest.partEnded();
      const isAll = start === "first" || first === undefined || first >= until;
      if (isAll || this.newest.isComplete) this.#onFound(this);
      else this.#readPart(first, records * partFactor);
    };
    this.#scans.begin(
      start,
      () => until,
      (record) => this.newest.inPart(record),
      done,
    );
  }
}
