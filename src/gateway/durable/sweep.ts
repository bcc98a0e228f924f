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

/** A sweep that gets nothing for this time was overtaken by the log's end. Another sweep begins. In milliseconds. */
const silenceMsMax = 15_000;
/**
 * How long a sweep whose last clients have to read first waits for them, in milliseconds. Otherwise a new sweep would start each time that
 * a client has read a little, and RabbitMQ would send everything that is on its way once more.
 */
const lingerMs = 1000;

/** What a sweep reports. */
export interface SweepEvents {
  /** It has reached what is in memory, and goes on there with this record. `isAfterGap`: those that named an older one have a gap. */
  arrived(members: Members, sequence: number, isAfterGap: boolean): void;
  /** Its place has to be located again. */
  misplaced(subscription: DurableSubscription): void;
  /** Its client has to read first. */
  parked(subscription: DurableSubscription): void;
  /** `count` messages were written. */
  delivered(count: number): void;
  /** Some records were read. */
  proceeded(): void;
  /** Whether it pauses for the sake of another sweep. `goOn` is called then when that is over. */
  pauses(): boolean;
  /** All clients have to read first. The sweep waits for them for a while. */
  lingers(): void;
  /** The sweep has reached its end, all subscriptions have left, or the way to the log was lost. `left` need another sweep then. */
  ended(left?: Members): void;
}

/**
 * One reading of the log from an old place up to what is in memory, shared by all subscriptions whose places it passes. Each of them joins
 * where the sweep reaches its place, and leaves at memory, or where its client reads too slowly.
 */
export class Sweep implements Task {
  readonly members: Members;
  /** Below this offset it does not have to wait for another sweep again. */
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
  /** The last subscription that left because its client has to read first. It may come back to the last record. */
  #awaited: DurableSubscription | undefined;
  /** The record that was taken last. The members may be within it. */
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
    this.members = new Members(slices.now);
    this.#events = events;
    this.#start = oldestPlaceOf(passengers);
    for (const passenger of passengers) this.#take(passenger);
    // There is always more to come, since the part in memory lies ahead.
    this.#silenceTimer = setTimeout(() => this.#end(), silenceMsMax);
    this.#reading = new SweepReading(log, this.#start, ahead, {
      came: () => {
        this.#silenceTimer.refresh();
        if (!this.isLingering) this.#slices.ask(this);
      },
      ended: (why) => (why === "lost" ? this.#end() : this.#arrive(this.#window.begin, false, true)),
    });
  }

  /** The next offset, or a lower one; 0 if it is not known yet. */
  get next(): number {
    if (this.#last !== undefined) return this.#last.offset + 1;
    return this.#start === "first" ? 0 : this.#start;
  }

  /** Whether nobody is left, and it waits for those that have to read first. */
  get isLingering(): boolean {
    return this.#lingering !== undefined;
  }

  /** Whether its place is at most so many records ahead. A sweep that lingers also takes one that has yet to get the rest of its last record. */
  takes(subscription: DurableSubscription, recordsMax: number): boolean {
    return !this.#isOver && (this.#isBack(subscription) || this.#leadsTo(subscription, recordsMax));
  }

  #isBack({ place }: DurableSubscription): boolean {
    return this.isLingering && isPosition(place) && place.offset === this.#last?.offset;
  }

  /** Adds a subscription that it takes. It may be misplaced, or parked, at once. */
  join(subscription: DurableSubscription): void {
    const isBack = this.#isBack(subscription);
    this.#take(subscription);
    if (!this.isLingering) return;
    clearTimeout(this.#lingering);
    this.#lingering = undefined;
    this.#awaited = undefined;
    if (isBack) {
      // No other subscription is there that would get it twice.
      this.#prove(this.#last!);
      this.#events.delivered(this.members.gather(this.#last!, this.#slices.now(), this.#onSlow));
    }
    this.#slices.ask(this);
  }

  #take(subscription: DurableSubscription): void {
    this.members.add(subscription);
    this.#unproven.add(subscription);
  }

  /** Removes a subscription. The sweep ends with the last one. */
  remove(subscription: DurableSubscription): void {
    this.members.remove(subscription);
    this.#endIfEmpty();
  }

  /** The subscription does not come back, so a sweep that lingers for it ends. */
  gone(subscription: DurableSubscription): void {
    if (this.isLingering && this.#awaited === subscription) this.#end();
  }

  /** Ends it, and returns all subscriptions. Nothing is called back. */
  stop(): DurableSubscription[] {
    this.#halt();
    return this.members.takeAll();
  }

  #halt(): void {
    this.#isOver = true;
    this.#slices.forget(this);
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#lingering);
    this.#last = undefined;
    this.#reading.stop();
  }

  #leadsTo({ place }: DurableSubscription, recordsMax: number): boolean {
    if (place === "first") return this.#start === "first" && this.#last === undefined;
    if (!isPosition(place) || (this.#start === "first" && this.#last === undefined)) return false;
    return place.offset >= this.next && place.offset - this.next <= recordsMax;
  }

  /** The pause is over. */
  goOn(): void {
    if (!this.#isOver && !this.isLingering) this.#slices.ask(this);
  }

  run(untilMs: number): void {
    while (
      !this.#isOver &&
      this.members.size > 0 &&
      (this.members.isWithinMessage || !this.#events.pauses())
    ) {
      if (this.members.isFull && !this.members.write(untilMs, this.#onSlow)) break;
      const record = this.members.unfinished ?? this.#next();
      if (record === undefined) break;
      if (record.offset >= (this.#window.coversFrom ?? Number.POSITIVE_INFINITY)) {
        const hadOlder = this.#reading.hadMessagesBefore(record.offset);
        this.#arrive(this.#window.sequenceOf(record.offset), hadOlder, false);
        return;
      }
      this.#events.delivered(this.members.gather(record, untilMs, this.#onSlow));
      if (this.#slices.now() >= untilMs) break;
    }
    this.#resume(untilMs);
  }

  #next(): LogRecord | undefined {
    const record = this.#reading.take();
    if (record === undefined) return undefined;
    // The broker begins with the oldest record that is left.
    if (this.#last === undefined) this.members.noticeGaps(record.offset);
    this.#last = record;
    this.#handled++;
    this.#prove(record);
    return record;
  }

  #resume(untilMs: number): void {
    if (this.#isOver || this.isLingering) return;
    this.members.write(untilMs, this.#onSlow);
    this.#endIfEmpty();
    if (this.#isOver || this.isLingering) return;
    this.#events.proceeded();
    const { hasUnwritten, isWithinMessage, unfinished } = this.members;
    const hasRead = unfinished === undefined && this.#reading.isEmpty;
    // Unwritten data holds up the reading.
    if (hasUnwritten || isWithinMessage || !(hasRead || this.#events.pauses())) this.#slices.ask(this);
    if (hasUnwritten) return;
    this.#reading.handled(this.#handled);
    this.#handled = 0;
  }

  /** Removes subscriptions whose client saw something else at its place: these places are in another log. */
  #prove(record: LogRecord): void {
    for (const subscription of this.#unproven.contradictedBy(record)) {
      if (!this.members.remove(subscription)) continue;
      subscription.forgetPlace();
      this.#events.misplaced(subscription);
    }
  }

  readonly #onSlow = (subscription: DurableSubscription) => {
    this.#awaited = subscription;
    this.#events.parked(subscription);
  };

  #arrive(sequence: number, hadOlder: boolean, isAfterGap: boolean): void {
    if (this.#start === "first" && !hadOlder) this.#window.nothingIsOlder();
    this.#halt();
    this.#events.arrived(this.members, sequence, isAfterGap);
    this.#events.ended();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#halt();
    this.#events.ended(this.members);
  }

  #endIfEmpty(): void {
    if (this.#isOver || this.isLingering || this.members.size > 0) return;
    if (this.#awaited !== undefined && this.#last !== undefined) {
      this.#lingering = setTimeout(() => this.#end(), lingerMs);
      this.#events.lingers();
    } else this.#end();
  }
}
