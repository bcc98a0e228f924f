import { Deque } from "../collections/deque.ts";
import type { LoopTime, Task } from "../ops/loop-time.ts";
import { TurnBudget } from "../ops/turn-budget.ts";
import type { EarlyRecord } from "./early-records.ts";
import type { FeedSink } from "./feed-sink.ts";

/**
 * How much is published to audiences as records come, and how much at the end of a turn of the event loop. Each publish takes a
 * microsecond, and up to five more at the end of the turn, when Bun sends it.
 */
const publishedMax = 1024;
/** What the bodies of waiting records may take together. Beyond that the oldest are handed on at once, however long that takes. In bytes. */
const bytesMax = 8 * 1024 ** 2;
/**
 * The clock is read once for this many publishes, or messages that nobody wants: to find that out takes some tens of microseconds at most, and
 * so does a publish to dozens of clients that read slowly.
 */
const lookEach = 16;

/** A record that was handed on in part, or not yet. */
export interface LateRecord extends EarlyRecord {
  /** Whether a client wanted something in it when it came. If not, it is a pack, and a client that wants something may have come since. */
  readonly isWanted: boolean;
  /** The index of the next message to be handed on. */
  next: number;
  /** The size of its body, in bytes. */
  readonly bytes: number;
}

/** What tells how much was published to live clients. */
type Published = Pick<FeedSink, "publishedCount" | "isSpreading">;

/**
 * Hands on the record's messages one by one, until it has to pause.
 *
 * @param mayContinue asked after each message
 * @returns whether the whole record was handed on
 */
type Forward = (late: LateRecord, mayContinue: () => boolean) => boolean;

/**
 * Records that live clients have yet to get. A record may have thousands of messages, and each of them thousands of audiences, where clients
 * use many subscription ids, or a topic that is costly to compare with what they subscribe to. What does not fit into one turn of the event
 * loop waits for the turn's end and for later turns, and so do the records after it.
 */
export class LateRecords implements Task {
  readonly #loop: LoopTime;
  readonly #forward: Forward;
  readonly #sink: Published;
  readonly #waiting = new Deque<LateRecord>();
  #bytes = 0;
  readonly #budget: TurnBudget;
  /** How much had been published when the budget last heard of it. */
  #publishedBefore = 0;

  /** @param sink counts what was published so far */
  constructor(loop: LoopTime, sink: Published, forward: Forward) {
    this.#loop = loop;
    this.#budget = new TurnBudget(loop, publishedMax, lookEach);
    this.#sink = sink;
    this.#forward = forward;
  }

  /** Whether records wait for their turn. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Hands on as much of a record as there is time for now, and the rest later. */
  add(late: LateRecord): void {
    if (this.#budget.join()) this.#publishedBefore = this.#sink.publishedCount;
    if (this.#waiting.length === 0 && this.#mayBegin && this.#forward(late, this.#mayContinue)) return;
    this.#waiting.push(late);
    this.#bytes += late.bytes;
    while (this.#bytes > bytesMax) this.#forwardFirst(() => true);
    this.#loop.ask(this);
  }

  run(untilMs: number): void {
    this.#publishedBefore = this.#sink.publishedCount;
    this.#budget.start(untilMs);
    while (this.#waiting.length > 0 && !this.#sink.isSpreading) {
      this.#forwardFirst(this.#mayContinue);
      if (!this.#mayBegin) break;
    }
    if (this.#waiting.length > 0) this.#loop.ask(this);
  }

  #forwardFirst(mayContinue: () => boolean): void {
    const first = this.#waiting.at(0)!;
    if (!this.#forward(first, mayContinue)) return;
    this.#waiting.shift();
    this.#bytes -= first.bytes;
  }

  /** Whether there is time for another record. */
  get #mayBegin(): boolean {
    return this.#mayContinue() && !this.#budget.isOver;
  }

  readonly #mayContinue = (): boolean => {
    const { publishedCount, isSpreading } = this.#sink;
    const units = publishedCount - this.#publishedBefore;
    this.#publishedBefore = publishedCount;
    return this.#budget.goesOn(units) && !isSpreading;
  };
}
