import type { BackoffLimits } from "../../backoff.ts";
import type { Position } from "../../log/position.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Slices } from "../clients/slices.ts";
import { PlaceChecks } from "./place-checks.ts";
import type { SharedLog } from "./shared-log.ts";
import { type DurableSubscription, isPosition, isTellable } from "./subscription.ts";
import { TimeSearch } from "./time-search.ts";

/** Where a place was found. */
export interface LocatorEvents {
  /** Its place is in memory, at the record with this sequence number. */
  inMemory(subscription: DurableSubscription, sequence: number): void;
  /** Its place is older than what is in memory. */
  older(subscription: DurableSubscription): void;
  /** It begins with the newest messages. */
  newest(subscription: DurableSubscription): void;
  /** The log has reached this offset, and it is followed. */
  reached(offset: number, fingerprint: string): void;
}

/** Finds out where in the log the places are that subscriptions name. */
export class Locator {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #events: LocatorEvents;
  readonly #times: TimeSearch;
  readonly #checks: PlaceChecks;
  /** Subscriptions that wait: until more is known about the log, or until the log has answered. */
  readonly #waiting = new Map<DurableSubscription, "log" | "answer">();
  /** A mark was written for these, to find out how far the log reaches. */
  #marking: Set<DurableSubscription> | undefined;
  #stopMarking: () => void = () => undefined;
  /** These came after that. The answer may be older than their places, so another mark follows. */
  #toMark = new Set<DurableSubscription>();
  /** Cancels the search for a time. */
  readonly #searches = new Map<DurableSubscription, () => void>();
  /** How often the log has begun anew. */
  #restarts = 0;

  /** @param slices shares out the event loop's time */
  constructor(
    log: SharedLog,
    window: LogWindow,
    slices: Slices,
    retryBackoff: BackoffLimits,
    events: LocatorEvents,
  ) {
    this.#log = log;
    this.#window = window;
    this.#events = events;
    this.#times = new TimeSearch(log, window, slices);
    this.#checks = new PlaceChecks(log, retryBackoff);
  }

  get count(): number {
    return this.#waiting.size;
  }

  locate(subscription: DurableSubscription): void {
    const { coversFrom, last, begin, end } = this.#window;
    const { place } = subscription;
    this.#waiting.delete(subscription);
    if (coversFrom === undefined || !this.#log.isPastKnown()) {
      this.#waiting.set(subscription, "log");
      return;
    }
    if (isPosition(place)) {
      this.#locatePosition(subscription, place, coversFrom);
      return;
    }
    if (place === "first" && this.#window.isWhole) this.#events.inMemory(subscription, begin);
    else if (place === "first") this.#events.older(subscription);
    else if (place === "next") {
      subscription.passed(last);
      this.#events.inMemory(subscription, end);
    } else if (place === "last" || "last" in place) {
      this.#events.newest(subscription);
      return;
    } else {
      this.#search(subscription, place.timestamp);
      return;
    }
    subscription.subscribed(this.#window);
  }

  /** @param coversFrom the lowest offset in memory */
  #locatePosition(subscription: DurableSubscription, place: Position, coversFrom: number): void {
    const { offset, index, fingerprint } = place;
    const { last } = this.#window;
    const isNext = index === -1 && offset === last + 1 && fingerprint === undefined;
    // A subscription that has got all of a record needs only the records after it.
    const from = index === Number.POSITIVE_INFINITY ? offset + 1 : offset;
    if ((offset > last && !isNext) || this.#contradicts(place)) this.#ask(subscription);
    else if (from < coversFrom) {
      // The reading begins with the record at this place.
      this.#events.older(subscription);
      subscription.subscribed(this.#window);
    } else if (fingerprint === undefined || this.#window.hasAt(offset, fingerprint))
      this.#inMemory(subscription, from);
    else this.#check(subscription, place, fingerprint, from);
  }

  #inMemory(subscription: DurableSubscription, from: number): void {
    this.#events.inMemory(subscription, this.#window.sequenceOf(from));
    subscription.subscribed(this.#window);
  }

  /** Whether the records in memory show that the place is in another log. */
  #contradicts({ offset, fingerprint }: Position): boolean {
    return fingerprint !== undefined && this.#window.hasAt(offset, fingerprint) === false;
  }

  /** Memory covers this place but has no record there. Whether the place is in this log is looked up in the log itself. */
  #check(subscription: DurableSubscription, place: Position, fingerprint: string, from: number): void {
    this.#waiting.set(subscription, "answer");
    this.#checks.check(subscription, place, fingerprint, (isSame) => {
      // Its client may have disconnected when another one was answered.
      if (!this.#waiting.delete(subscription)) return;
      const { coversFrom } = this.#window;
      if (isSame === false) this.#isOfAnotherLog(subscription);
      else if (isSame === true && coversFrom !== undefined && from >= coversFrom)
        this.#inMemory(subscription, from);
      else this.locate(subscription);
    });
  }

  #isOfAnotherLog(subscription: DurableSubscription): void {
    subscription.forgetPlace();
    this.locate(subscription);
  }

  /** More is known about the log. */
  retry(): void {
    for (const [subscription, what] of [...this.#waiting]) if (what === "log") this.locate(subscription);
    this.#times.resume();
  }

  forget(subscription: DurableSubscription): void {
    this.#waiting.delete(subscription);
    this.#toMark.delete(subscription);
    if (this.#marking?.delete(subscription) && this.#marking.size === 0) this.#cancelMark();
    this.#checks.forget(subscription);
    this.#searches.get(subscription)?.();
    this.#searches.delete(subscription);
  }

  /** The log has begun anew: times are searched for in the new one, and so are places with a fingerprint. */
  restart(): void {
    this.#restarts++;
    this.#times.restart();
    this.#checks.close();
    for (const [subscription, what] of this.#waiting)
      if (what === "answer" && isTellable(subscription.place)) this.#waiting.set(subscription, "log");
  }

  /** Removes and returns the subscriptions whose place is a position without a fingerprint, so that nobody can tell which log it is in. */
  takePlaced(): DurableSubscription[] {
    const placed = [...this.#waiting.keys()].filter(({ place }) => isPosition(place) && !isTellable(place));
    for (const subscription of placed) this.forget(subscription);
    return placed;
  }

  close(): void {
    this.#times.close();
    this.#checks.close();
  }

  /**
   * The place is beyond everything that has come so far, or something else is there than the client saw. There are three possible reasons.
   * Another manager is ahead of this one, and the missing records are about to come. Or the log has begun anew, and this manager has yet to
   * notice. Or the place is in another log. Once everything has come that is in the log now, it is clear which.
   */
  #ask(subscription: DurableSubscription): void {
    this.#waiting.set(subscription, "answer");
    this.#toMark.add(subscription);
    this.#mark();
  }

  /** Writes one mark at a time, whatever clients ask for. */
  #mark(): void {
    if (this.#marking !== undefined || this.#toMark.size === 0) return;
    const asked = this.#toMark;
    this.#marking = asked;
    this.#toMark = new Set();
    this.#stopMarking = this.#log.mark((offset, fingerprint) => {
      if (this.#marking !== asked) return;
      this.#marking = undefined;
      this.#events.reached(offset, fingerprint);
      for (const subscription of asked) {
        if (!this.#waiting.has(subscription)) continue;
        const { place } = subscription;
        const isAnother = isPosition(place) && (place.offset > this.#window.last || this.#contradicts(place));
        if (isAnother) this.#isOfAnotherLog(subscription);
        else this.locate(subscription);
      }
      this.#mark();
    });
  }

  /** No subscription waits for the mark any more, so nothing needs to be written into the log for it. */
  #cancelMark(): void {
    this.#stopMarking();
    this.#marking = undefined;
    this.#mark();
  }

  #search(subscription: DurableSubscription, timestamp: number): void {
    this.#waiting.set(subscription, "answer");
    const until = this.#window.last;
    const restarts = this.#restarts;
    const stop = this.#times.find(timestamp, (found) => {
      this.#searches.delete(subscription);
      if (found === "nothing kept") {
        this.#waiting.delete(subscription);
        this.#beginInMemory(subscription, timestamp);
        subscription.subscribed(this.#window);
        return;
      }
      subscription.place = { offset: found.offset, index: -1 };
      // Everything in a log that began after the question is newer than the time that was asked for.
      subscription.since = restarts === this.#restarts ? { seconds: timestamp, until } : undefined;
      subscription.isAfterGap = found.isAfterGap;
      this.locate(subscription);
    });
    this.#searches.set(subscription, stop);
  }

  #beginInMemory(subscription: DurableSubscription, timestamp: number): void {
    const sequence = this.#window.sequenceOfTime(timestamp);
    const offset = this.#window.at(sequence)?.offset ?? this.#window.last + 1;
    subscription.place = { offset, index: -1 };
    this.#events.inMemory(subscription, sequence);
  }
}
