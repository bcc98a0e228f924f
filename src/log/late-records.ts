import { Deque } from "../collections/deque.ts";
import type { LoopTime, Task } from "../ops/loop-time.ts";
import type { EarlyRecord } from "./early-records.ts";

/**
 * What is published to audiences as records come, and what at the end of a turn of the event loop. Each takes a microsecond, and up to
 * five more at the end of the turn, when Bun sends it.
 */
const publishedMax = 1024;
/** What the bodies of records that wait may take together: beyond it the oldest are handed on, however long that takes. In bytes. */
const bytesMax = 8 * 1024 ** 2;

/** A record of which a part was handed on, or nothing yet. */
export interface LateRecord extends EarlyRecord {
  /** The index of the message that is handed on next. */
  next: number;
  /** The size of its body, in bytes. */
  readonly bytes: number;
}

/**
 * Hands on one message after another, until it may not go on.
 *
 * @param mayGoOn asked after each message that somebody got
 * @returns whether all of the record was handed on
 */
type HandOn = (late: LateRecord, mayGoOn: () => boolean) => boolean;

/**
 * Records that live clients have yet to get. A record may have hundreds of messages, and each of them thousands of audiences, where
 * clients have many subscriptions with ids of their own: what does not fit into a turn of the event loop waits for its end and the next
 * ones, and what comes after it waits, too.
 */
export class LateRecords implements Task {
  readonly #loop: LoopTime;
  readonly #handOn: HandOn;
  readonly #publishedCount: () => number;
  readonly #waiting = new Deque<LateRecord>();
  #bytes = 0;
  /** In which turn of the event loop a record has come last, and what had been published when this part of it began. */
  #turn = -1;
  #publishedBefore = 0;

  /** @param publishedCount what was published so far, each audience of a message counted */
  constructor(loop: LoopTime, publishedCount: () => number, handOn: HandOn) {
    this.#loop = loop;
    this.#publishedCount = publishedCount;
    this.#handOn = handOn;
  }

  /** Hands on a record now, as much of it as there is time for, and the rest later. */
  add(late: LateRecord): void {
    this.#loop.begin();
    if (this.#turn !== this.#loop.turn) {
      this.#turn = this.#loop.turn;
      this.#publishedBefore = this.#publishedCount();
    }
    if (this.#waiting.length === 0 && this.#mayPublish() && this.#handOn(late, this.#mayPublish)) return;
    this.#waiting.push(late);
    this.#bytes += late.bytes;
    while (this.#bytes > bytesMax) this.#handOnFirst(() => true);
    this.#loop.ask(this);
  }

  run(untilMs: number): void {
    this.#publishedBefore = this.#publishedCount();
    const mayGoOn = () => this.#mayPublish() && this.#loop.now() < untilMs;
    do {
      if (this.#waiting.length === 0) return;
      this.#handOnFirst(mayGoOn);
    } while (mayGoOn());
    if (this.#waiting.length > 0) this.#loop.ask(this);
  }

  #handOnFirst(mayGoOn: () => boolean): void {
    const first = this.#waiting.at(0)!;
    if (!this.#handOn(first, mayGoOn)) return;
    this.#waiting.shift();
    this.#bytes -= first.bytes;
  }

  readonly #mayPublish = (): boolean => this.#publishedCount() - this.#publishedBefore < publishedMax;
}
