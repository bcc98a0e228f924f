import { type BackoffLimits, backoffMs } from "../../backoff.ts";
import type { LogRecord } from "../../log/record.ts";
import type { LogWindow } from "../../log/window.ts";
import { isExpired } from "../../properties.ts";
import { direct } from "../fan-out/encoding.ts";
import { Ahead } from "./ahead.ts";
import { type LastValue, LastValues } from "./last-values.ts";
import { lastTopicsMax, type Newest, NewestOfAll, type Wanted } from "./newest.ts";
import { Scan } from "./scan.ts";
import type { SharedLog } from "./shared-log.ts";
import type { Slices, Task } from "./slices.ts";
import type { DurableSubscription } from "./subscription.ts";

/** How far back the log is read at first, in records before what is in memory; each further part reaches this many times as far. */
const firstPartRecords = 4096;
const partFactor = 8;

export interface HistoryEvents {
  /** Its place is known. */
  placed(subscription: DurableSubscription): void;
  /** So many messages were written. */
  delivered(count: number): void;
}

/**
 * Where subscriptions begin that ask for the newest messages.
 *
 * The newest message of each topic (`last`) is in memory, as far as there is room: from the first that asks for it on, every record
 * is looked into, and what is older is read from the log once. What has no room there is looked for in the log, as the newest
 * or N of all that match (`last=N`) are: back through what is in memory, then in parts of the log that reach further and further
 * back, for all that ask meanwhile together. What was found there is delivered from the log.
 */
export class History implements Task {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #ahead: Ahead;
  readonly #events: HistoryEvents;
  readonly #retryBackoff: BackoffLimits;
  readonly #values: LastValues;
  /** How far the newest messages are known: not at all, of what is in memory as well, of the whole log. */
  #known: "nothing" | "some" | "all" = "nothing";
  /** From this offset on every record has been looked into; undefined while none has. */
  #knownFrom: number | undefined;
  readonly #waiting = new Set<DurableSubscription>();
  #scan: Scan | undefined;
  /** What is being looked for. */
  #search: NewestOfAll | undefined;
  /** The record in memory that is looked into next: for the values up to the end, for a search back to the beginning. */
  #sequence: number | undefined;
  /** The log had come to here when the search began. */
  #reached = 0;
  /** The offset of the oldest record in memory that the search has looked into. */
  #oldest: number | undefined;
  #failures = 0;
  #retryTimer: NodeJS.Timeout | undefined;
  #startImmediate: NodeJS.Immediate | undefined;

  constructor(
    log: SharedLog,
    window: LogWindow,
    slices: Slices,
    events: HistoryEvents,
    valuesBytesMax: number,
    retryBackoff: BackoffLimits,
  ) {
    this.#log = log;
    this.#window = window;
    this.#slices = slices;
    this.#ahead = new Ahead(window);
    this.#events = events;
    this.#values = new LastValues(valuesBytesMax);
    this.#retryBackoff = retryBackoff;
  }

  /** Subscriptions whose beginnings are being looked for. */
  get count(): number {
    return this.#waiting.size;
  }

  /** What the newest messages of topics take in memory, in bytes. */
  get bytes(): number {
    return this.#values.bytes;
  }

  /** Whether it looks into every record that comes. */
  get isKeeping(): boolean {
    return this.#known !== "nothing" || this.#isLearning;
  }

  /** Its place is `last`, or `{ last }`. */
  add(subscription: DurableSubscription): void {
    if (this.#answer(subscription)) return;
    this.#waiting.add(subscription);
    this.#startSoon();
  }

  forget(subscription: DurableSubscription): void {
    this.#waiting.delete(subscription);
  }

  /** A record has come. */
  logged(record: LogRecord): void {
    if (this.#isLearning) this.#keep(record);
    else if (this.#known !== "nothing") this.#values.put(record);
  }

  /** More is known of the log. */
  goOn(): void {
    if (this.#waiting.size > 0) this.#startSoon();
  }

  /** What comes next does not follow on what came. */
  restart(): void {
    this.#stop();
    this.#known = "nothing";
    this.#knownFrom = undefined;
    this.#values.clear();
    this.goOn();
  }

  close(): void {
    this.#stop();
    this.#values.close();
    this.#waiting.clear();
  }

  run(untilMs: number): void {
    if (this.#search === undefined) this.#learn(untilMs);
    else this.#goBack(this.#search, untilMs);
  }

  get #isLearning(): boolean {
    return this.#search === undefined && (this.#sequence !== undefined || this.#scan !== undefined);
  }

  /** At the end of the turn, so that those that come together are looked for together. */
  #startSoon(): void {
    this.#startImmediate ??= setImmediate(() => {
      this.#startImmediate = undefined;
      this.#start();
    });
  }

  #start(): void {
    const isBusy = this.#scan !== undefined || this.#sequence !== undefined || this.#retryTimer !== undefined;
    if (isBusy || this.#window.coversFrom === undefined) return;
    this.#answerAll();
    const searched = [...this.#waiting].filter((each) => this.#known === "all" || !isForValues(each));
    if (this.#waiting.size === 0) return;
    if (searched.length === 0) {
      this.#sequence = this.#window.begin;
      this.#knownFrom = undefined;
    } else {
      this.#search = new NewestOfAll();
      for (const subscription of searched) this.#search.add(subscription, wantedBy(subscription));
      this.#reached = this.#window.last;
      this.#sequence = this.#window.end - 1;
      this.#oldest = undefined;
    }
    this.#slices.ask(this);
  }

  #answerAll(): void {
    for (const subscription of this.#waiting)
      if (this.#answer(subscription)) this.#waiting.delete(subscription);
  }

  /** Whether the answer is in memory. */
  #answer(subscription: DurableSubscription): boolean {
    const { pattern } = subscription;
    if (!isForValues(subscription) || pattern === direct || this.#known === "nothing") return false;
    const values = this.#values.matching(pattern);
    const isKnown = this.#known === "all" && this.#values.isWhole;
    // Of one topic there is nothing newer than what is here.
    const isNewest = (this.#values.of(pattern)?.offset ?? -1) >= (this.#knownFrom ?? 0);
    if (!isKnown && !isNewest) return false;
    if (values.length > lastTopicsMax) this.#refuse(subscription);
    else this.#deliver(subscription, values);
    return true;
  }

  /** Looks into what is in memory for the newest message of each topic, and then into all that is older. */
  #learn(untilMs: number): void {
    const window = this.#window;
    // What had to make room meanwhile is read with what is older.
    if (this.#knownFrom === undefined || this.#sequence! < window.begin) {
      this.#sequence = window.begin;
      this.#knownFrom = window.at(window.begin)?.offset ?? window.last + 1;
    }
    while (this.#sequence! < window.end) {
      const record = window.at(this.#sequence!)!;
      this.#sequence!++;
      this.#keep(record);
      if (this.#sequence === undefined) return;
      if (performance.now() >= untilMs) {
        this.#slices.ask(this);
        return;
      }
    }
    this.#sequence = undefined;
    if (this.#known === "nothing") this.#known = "some";
    this.#answerAll();
    const until = () => window.coversFrom ?? Number.POSITIVE_INFINITY;
    const done = () => {
      this.#known = "all";
      this.#knownFrom = 0;
      this.#startSoon();
    };
    this.#read("first", until, (record) => this.#keep(record), done);
  }

  /** When one had to be forgotten, an older one of its topic must not take its place: what is kept begins with what comes next. */
  #keep(record: LogRecord): void {
    this.#values.put(record);
    if (this.#values.isWhole) return;
    this.#scan?.stop();
    this.#scan = undefined;
    this.#sequence = undefined;
    this.#values.forgetAll();
    this.#known = "all";
    this.#knownFrom = this.#window.last + 1;
    this.#startSoon();
  }

  /** Looks into what is in memory for the newest ones, back from the end. */
  #goBack(search: NewestOfAll, untilMs: number): void {
    const window = this.#window;
    while (this.#sequence! >= window.begin && !search.isComplete) {
      const record = window.at(this.#sequence!)!;
      search.older(record);
      this.#oldest = record.offset;
      this.#sequence!--;
      if (performance.now() >= untilMs) {
        this.#slices.ask(this);
        return;
      }
    }
    this.#sequence = undefined;
    if (search.isComplete) this.#found(search);
    else this.#readPart(search, this.#oldest ?? window.coversFrom ?? 0, firstPartRecords);
  }

  /** @param until this record is in the log, and what is older has not been looked into */
  #readPart(search: NewestOfAll, until: number, records: number): void {
    const start = until <= records ? "first" : until - records;
    const done = (first: number | undefined) => {
      search.partEnded();
      const isAll = start === "first" || first === undefined || first >= until;
      if (isAll || search.isComplete) this.#found(search);
      else this.#readPart(search, first, records * partFactor);
    };
    this.#read(
      start,
      () => until,
      (record) => search.inPart(record),
      done,
    );
  }

  #found(search: NewestOfAll): void {
    this.#search = undefined;
    for (const newest of search.all)
      for (const subscription of newest.subscriptions)
        if (this.#waiting.delete(subscription)) this.#place(subscription, newest);
    this.goOn();
  }

  #place(subscription: DurableSubscription, { places, wanted, isTooMuch }: Newest): void {
    if (isTooMuch) {
      this.#refuse(subscription);
      return;
    }
    subscription.inForce();
    const until = this.#reached;
    const [oldest] = places;
    if (oldest === undefined) subscription.place = { offset: until, index: Number.POSITIVE_INFINITY };
    else {
      subscription.place = { offset: oldest.offset, index: oldest.index - 1 };
      if (wanted === "each") subscription.beginWith(places, until);
    }
    this.#events.placed(subscription);
  }

  /** Writes what there is room for. The rest is read from the log, where it is told from what is no topic's newest message. */
  #deliver(subscription: DurableSubscription, values: readonly LastValue[]): void {
    subscription.inForce();
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
    subscription.flush();
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
    const why = `x-stream-offset:last for a pattern that more than ${lastTopicsMax} topics match: subscribe to fewer, or with last=N`;
    subscription.refuse(why);
  }

  #read(
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
      lost: () => {
        this.#stop();
        const waitMs = backoffMs(++this.#failures, this.#retryBackoff, Math.random());
        this.#retryTimer = setTimeout(() => {
          this.#retryTimer = undefined;
          this.goOn();
        }, waitMs);
      },
    });
  }

  #stop(): void {
    clearImmediate(this.#startImmediate);
    clearTimeout(this.#retryTimer);
    this.#startImmediate = undefined;
    this.#retryTimer = undefined;
    this.#slices.forget(this);
    this.#scan?.stop();
    this.#scan = undefined;
    this.#search = undefined;
    this.#sequence = undefined;
  }
}

function isForValues({ place }: DurableSubscription): boolean {
  return place === "last";
}

function wantedBy({ place }: DurableSubscription): Wanted {
  return typeof place === "object" && "last" in place ? place.last : "each";
}
