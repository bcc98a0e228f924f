import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { Ahead } from "./ahead.ts";
import { Members } from "./members.ts";
import type { SharedLog } from "./shared-log.ts";
import { type DurableSubscription, isPosition, oldestPlaceOf } from "./subscription.ts";
import { SweepReading } from "./sweep-reading.ts";
import { Unproven } from "./unproven.ts";

/** A sweep that gets nothing for this time has been overtaken by the log's end: another one begins. In milliseconds. */
const silenceMsMax = 15_000;
/**
 * A sweep waits so long for clients that have to read first, where it has no others, in milliseconds. Another one would cost RabbitMQ and this
 * process all that is sent ahead once more, each time that a client has read the little that there is room for.
 */
const lingerMs = 1000;

/** What a sweep reports. */
export interface SweepEvents {
  /** It has come to what is in memory: it goes on there, with this record. */
  arrived(subscription: DurableSubscription, sequence: number): void;
  /** Where its place is has to be found out again. */
  astray(subscription: DurableSubscription): void;
  /** Its client has to read first. */
  parked(subscription: DurableSubscription): void;
  /** `count` messages were written. */
  delivered(count: number): void;
  /** It has read some. */
  proceeded(): void;
  /** All have to read first: it waits for them for a while. */
  lingers(): void;
  /** It has come to its end, all have left, or the way to the log was lost: those that are left need another sweep. */
  ended(left: readonly DurableSubscription[]): void;
}

/**
 * One reading of the log from an old place up to what is in memory, shared by all subscriptions whose places it passes: each
 * gets on where the sweep reaches its place, and off at memory, or where its client reads too slowly.
 */
export class Sweep implements Task {
  readonly members = new Members();
  /** The offset from which on it may have to wait for another sweep. */
  waitsFrom = 0;
  readonly #window: LogWindow;
  readonly #events: SweepEvents;
  readonly #slices: Slices;
  readonly #reading: SweepReading;
  readonly #start: "first" | number;
  readonly #unproven = new Unproven();
  readonly #silenceTimer: NodeJS.Timeout;
  #handled = 0;
  #isOver = false;
  /** The one that has left it last since its client has to read first: it may come back to the last record. */
  #awaited: DurableSubscription | undefined;
  #last: LogRecord | undefined;
  #lingering: NodeJS.Timeout | undefined;

  /** @param passengers none of them has its place in memory */
  constructor(
    log: SharedLog,
    window: LogWindow,
    slices: Slices,
    ahead: Ahead,
    passengers: readonly DurableSubscription[],
    events: SweepEvents,
  ) {
    this.#window = window;
    this.#slices = slices;
    this.#events = events;
    this.#start = oldestPlaceOf(passengers);
    for (const passenger of passengers) this.#take(passenger);
    // There is always more to come, since what is in memory lies ahead.
    this.#silenceTimer = setTimeout(() => this.#end(), silenceMsMax);
    this.#reading = new SweepReading(log, this.#start, ahead, {
      came: () => {
        this.#silenceTimer.refresh();
        if (!this.isLingering) this.#slices.ask(this);
      },
      ended: (why) => (why === "lost" ? this.#end() : this.#arriveWithGap()),
    });
  }

  /** The offset that comes next, or a lower one; 0 where it is not known yet. */
  get next(): number {
    const { lastOffset } = this.members;
    if (lastOffset !== undefined) return lastOffset + 1;
    return this.#start === "first" ? 0 : this.#start;
  }

  /** Whether it has nobody, and waits for those that have to read first. */
  get isLingering(): boolean {
    return this.#lingering !== undefined;
  }

  /**
   * Takes one in whose place is still ahead; of one that lingers, also one that has yet to get the rest of its last record.
   *
   * @param recordsMax how far ahead it may be at most
   */
  join(subscription: DurableSubscription, recordsMax: number): boolean {
    if (this.#isOver) return false;
    const { place } = subscription;
    const isBack = this.isLingering && isPosition(place) && place.offset === this.#last?.offset;
    if (!isBack && !this.#leadsTo(subscription, recordsMax)) return false;
    this.#take(subscription);
    if (!this.isLingering) return true;
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#awaited = undefined;
    if (isBack) {
      // Nobody else is there who would get it twice.
      this.#prove(this.#last!);
      this.#deal(this.#last!);
    }
    this.#slices.ask(this);
    return true;
  }

  #take(subscription: DurableSubscription): void {
    this.members.add(subscription);
    this.#unproven.add(subscription);
  }

  /** The sweep ends when nobody is left. */
  remove(subscription: DurableSubscription): void {
    this.members.remove(subscription);
    this.#endIfEmpty();
  }

  /** It does not come back: a sweep that lingers for it ends. */
  gone(subscription: DurableSubscription): void {
    if (this.isLingering && this.#awaited === subscription) this.#end();
  }

  /** Ends it, and takes all out. Nobody is told. */
  stop(): DurableSubscription[] {
    this.#isOver = true;
    this.#slices.forget(this);
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#lingering);
    this.#last = undefined;
    this.#reading.stop();
    return this.members.takeAll();
  }

  #leadsTo({ place }: DurableSubscription, recordsMax: number): boolean {
    if (place === "first") return this.#start === "first" && this.members.lastOffset === undefined;
    if (!isPosition(place) || (this.#start === "first" && this.members.lastOffset === undefined))
      return false;
    return place.offset >= this.next && place.offset - this.next <= recordsMax;
  }

  run(untilMs: number): void {
    while (!this.#isOver && this.members.size > 0) {
      if (this.members.isFull && !this.members.write(untilMs, this.#onSlow)) break;
      const record = this.#reading.take();
      if (record === undefined) break;
      if (this.members.lastOffset === undefined) this.#noticeGaps(record.offset);
      this.#prove(record);
      if (this.#hasCome(record.offset)) {
        this.#arrive(record.offset);
        return;
      }
      this.#deal(record);
      this.#handled++;
      if (performance.now() >= untilMs) break;
    }
    this.#goOn(untilMs);
  }

  #deal(record: LogRecord): void {
    this.#last = record;
    this.#events.delivered(this.members.deal(record, this.#onSlow));
  }

  #goOn(untilMs: number): void {
    if (this.#isOver || this.isLingering) return;
    this.members.write(untilMs, this.#onSlow);
    this.#endIfEmpty();
    if (this.#isOver || this.isLingering) return;
    this.#events.proceeded();
    // What cannot be written yet holds up the reading.
    if (this.members.hasUnwritten || !this.#reading.isEmpty) this.#slices.ask(this);
    if (this.members.hasUnwritten) return;
    this.#reading.handled(this.#handled);
    this.#handled = 0;
  }

  #hasCome(offset: number): boolean {
    return this.#window.coversFrom !== undefined && offset >= this.#window.coversFrom;
  }

  /** The broker begins with the oldest record that is left, so a subscription that named an older one misses some. */
  #noticeGaps(firstOffset: number): void {
    for (const subscription of this.members) {
      const { place } = subscription;
      if (isPosition(place) && place.offset < firstOffset) subscription.isBehindGap = true;
    }
  }

  /** What its client saw at its place is not there: the place is of another log. */
  #prove(record: LogRecord): void {
    for (const subscription of this.#unproven.contradictedBy(record)) {
      if (!this.members.remove(subscription)) continue;
      subscription.forgetPlace();
      this.#events.astray(subscription);
    }
  }

  readonly #onSlow = (subscription: DurableSubscription) => {
    this.#awaited = subscription;
    this.#events.parked(subscription);
  };

  #arrive(offset: number): void {
    const sequence = this.#window.sequenceOf(offset);
    for (const subscription of this.stop()) this.#events.arrived(subscription, sequence);
    this.#events.ended([]);
  }

  /** There is nothing older than what is in memory. */
  #arriveWithGap(): void {
    for (const subscription of this.stop()) {
      if (isPosition(subscription.place)) subscription.isBehindGap = true;
      this.#events.arrived(subscription, this.#window.begin);
    }
    this.#events.ended([]);
  }

  #end(): void {
    if (!this.#isOver) this.#events.ended(this.stop());
  }

  #endIfEmpty(): void {
    if (this.#isOver || this.isLingering || this.members.size > 0) return;
    if (this.#awaited !== undefined && this.#last !== undefined) {
      this.#lingering = setTimeout(() => this.#end(), lingerMs);
      this.#events.lingers();
    } else this.#end();
  }
}
