import type { BackoffLimits } from "../../backoff.ts";
import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import { isExpired } from "../../properties.ts";
import { isPattern } from "../../topics/pattern.ts";
import type { Slices } from "../clients/slices.ts";
import { direct } from "../fan-out/encoding.ts";
import { KnownValues } from "./known-values.ts";
import type { LastValue } from "./last-values.ts";
import { LookBack } from "./look-back.ts";
import { Lookups, type Matching } from "./lookups.ts";
import { lastTopicsMax, type Newest, type Wanted } from "./newest.ts";
import { Scans } from "./scans.ts";
import type { SharedLog } from "./shared-log.ts";
import type { DurableSubscription } from "./subscription.ts";
import { Waiting } from "./waiting.ts";

/** What `History` reports. */
export interface HistoryEvents {
  /** Its place is known. */
  placed(subscription: DurableSubscription): void;
  /** This number of messages was written. */
  delivered(count: number): void;
}

/**
 * Finds where subscriptions begin that ask for the newest messages.
 *
 * The newest message of each topic (`last`) is kept in memory, as far as there is room. Once a subscription has asked for it, every new
 * record is examined, and everything older is read from the log once (`KnownValues`). What has no room in memory is searched for in the
 * log, and so are the N newest of all matching messages (`last=N`); subscriptions that ask meanwhile share one search (`LookBack`). What it
 * finds is delivered from the log.
 */
export class History {
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #events: HistoryEvents;
  readonly #scans: Scans;
  readonly #values: KnownValues;
  readonly #lookups: Lookups;
  readonly #waiting: Waiting;
  #search: LookBack | undefined;
  #startImmediate: NodeJS.Immediate | undefined;

  constructor(
    log: SharedLog,
    window: LogWindow,
    slices: Slices,
    events: HistoryEvents,
    valuesBytesMax: number,
    retryBackoff: BackoffLimits,
  ) {
    this.#window = window;
    this.#slices = slices;
    this.#events = events;
    this.#scans = new Scans(log, window, slices, retryBackoff, {
      lost: () => this.#stop(),
      rested: () => this.resume(),
    });
    this.#waiting = new Waiting(
      slices,
      (subscription) => this.#answer(subscription),
      () => this.#seek(),
    );
    this.#values = new KnownValues(window, slices, this.#scans, valuesBytesMax, {
      memoryLearned: () => this.#waiting.answerAll(),
      learned: () => this.#startSoon(),
    });
    this.#lookups = new Lookups(this.#values, slices, (...found) => this.#lookedUp(...found));
  }

  /** How many subscriptions wait for their beginning to be found. */
  get count(): number {
    return this.#waiting.size + this.#lookups.count;
  }

  /** What the newest messages of topics take in memory, in bytes. */
  get bytes(): number {
    return this.#values.bytes;
  }

  /** Whether every new record is examined. */
  get isKeeping(): boolean {
    return this.#values.isKeeping;
  }

  /** Adds a subscription whose place is `last` or `{ last }`. */
  add(subscription: DurableSubscription): void {
    if (this.#answer(subscription)) return;
    this.#waiting.add(subscription);
    this.#startSoon();
  }

  forget(subscription: DurableSubscription): void {
    this.#waiting.delete(subscription);
    this.#lookups.forget(subscription);
  }

  /** The next record of the log. */
  logged(record: LogRecord): void {
    this.#values.logged(record);
  }

  /** More is known about the log. */
  resume(): void {
    if (this.#waiting.size > 0) this.#startSoon();
  }

  /** The next record does not follow directly on the last one. */
  restart(): void {
    this.#scans.reset();
    this.#stop();
    this.#waiting.stop();
    this.#values.restart();
    for (const subscription of this.#lookups.takeAll()) this.#waiting.add(subscription);
    this.resume();
  }

  close(): void {
    this.#scans.reset();
    this.#stop();
    this.#lookups.takeAll();
    this.#values.close();
    this.#waiting.clear();
  }

  /** Starts at the end of the turn, so that subscriptions that come together share a search. */
  #startSoon(): void {
    this.#startImmediate ??= setImmediate(() => {
      this.#startImmediate = undefined;
      if (!this.#isBusy) this.#waiting.answerAll();
    });
  }

  get #isBusy(): boolean {
    const isReading = this.#scans.isBusy || this.#values.isLearning || this.#search !== undefined;
    return isReading || this.#window.coversFrom === undefined;
  }

  /** Searches the log for subscriptions that could not be answered from memory. */
  #seek(): void {
    if (this.#waiting.size === 0 || this.#isBusy) return;
    const searched = [...this.#waiting.all].filter((each) => this.#values.isAllKnown || !isForValues(each));
    if (searched.length === 0) {
      this.#values.learn();
      return;
    }
    this.#search = new LookBack(this.#window, this.#slices, this.#scans, (search) => this.#found(search));
    // Subscriptions for which this search has no room wait for the next one.
    for (const subscription of searched) this.#search.add(subscription, wantedBy(subscription));
    this.#search.begin();
  }

  /** Answers a subscription from memory, for a pattern after a lookup. Returns false if that is not possible. */
  #answer(subscription: DurableSubscription): boolean {
    const { pattern } = subscription;
    if (!isForValues(subscription) || pattern === direct || !this.#values.isKnown(pattern)) return false;
    if (isPattern(pattern)) this.#lookups.add(subscription);
    else {
      const value = this.#values.of(pattern);
      this.#deliver(subscription, value === undefined ? [] : [value]);
    }
    return true;
  }

  #lookedUp(subscription: DurableSubscription, values: Matching): void {
    // Values may have been forgotten meanwhile because there was no room.
    if (!this.#values.isKnown(subscription.pattern as string)) {
      this.#waiting.add(subscription);
      this.#startSoon();
    } else if (values === undefined) this.#refuse(subscription);
    else this.#deliver(subscription, values);
  }

  #found({ newest, reached }: LookBack): void {
    this.#search = undefined;
    for (const each of newest.all)
      for (const subscription of each.subscriptions)
        if (this.#waiting.delete(subscription)) this.#placeAt(subscription, each, reached);
    this.resume();
  }

  /** @param until the offset up to which the log was examined */
  #placeAt(subscription: DurableSubscription, { places, wanted, isTooMuch }: Newest, until: number): void {
    if (isTooMuch) {
      this.#refuse(subscription);
      return;
    }
    subscription.subscribed(this.#window);
    const [oldest] = places;
    if (oldest === undefined) subscription.place = { offset: until, index: Number.POSITIVE_INFINITY };
    else {
      subscription.place = { offset: oldest.offset, index: oldest.index - 1 };
      if (wanted === "each") subscription.beginWith(places, until);
    }
    this.#events.placed(subscription);
  }

  /** Writes as many values as there is room for. The others are read from the log, where `beginWith` tells them from older messages. */
  #deliver(subscription: DurableSubscription, values: readonly LastValue[]): void {
    subscription.subscribed(this.#window);
    const until = this.#window.last;
    let written = 0;
    for (const value of values) {
      if (!subscription.isRoomy && !subscription.flush()) break;
      written++;
      if (isExpired(value.message)) continue;
      const frames = this.#values.framesOf(value);
      const tail = frames.tailFor(subscription);
      subscription.add(tail, frames.frameFor(subscription, tail));
      this.#events.delivered(1);
    }
    subscription.write();
    const left = values.slice(written);
    const [oldest] = left;
    if (oldest === undefined) subscription.place = { offset: until, index: Number.POSITIVE_INFINITY };
    else {
      subscription.place = { offset: oldest.offset, index: oldest.index - 1 };
      subscription.beginWith(left, until);
    }
    this.#events.placed(subscription);
  }

  #refuse(subscription: DurableSubscription): void {
    const why = `last for a pattern that more than ${lastTopicsMax} topics match: subscribe to fewer, or with last=N`;
    subscription.refuse(why);
  }

  /** Stops the search. It starts afresh when the subscriptions go on. */
  #stop(): void {
    clearImmediate(this.#startImmediate);
    this.#startImmediate = undefined;
    this.#scans.stop();
    this.#values.stop();
    this.#search?.stop();
    this.#search = undefined;
  }
}

function isForValues({ place }: DurableSubscription): boolean {
  return place === "last";
}

function wantedBy({ place }: DurableSubscription): Wanted {
  return typeof place === "object" && "last" in place ? place.last : "each";
}
