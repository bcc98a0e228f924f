import type { LogWindow } from "../../log/window.ts";
import type { SharedLog } from "./shared-log.ts";
import { type DurableSubscription, isPosition } from "./subscription.ts";
import { TimeSearch } from "./time-search.ts";

/** Where a place was found. */
export interface LocatorEvents {
  /** Its place is in memory, with the record of this number. */
  inMemory(subscription: DurableSubscription, sequence: number): void;
  /** Its place is older than that. */
  older(subscription: DurableSubscription): void;
  /** It begins with the newest messages. */
  newest(subscription: DurableSubscription): void;
}

/** Finds out where in the log the places are that subscriptions name. */
export class Locator {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #events: LocatorEvents;
  readonly #times: TimeSearch;
  /** What each waits for: that more is known of the log, or that it answers. */
  readonly #waiting = new Map<DurableSubscription, "log" | "answer">();
  /** The log was asked how far it reaches, for these. */
  #marking: Set<DurableSubscription> | undefined;
  #stopMarking: () => void = () => undefined;
  /** They came meanwhile: the answer may be older than their places, so it is asked again. */
  #toMark = new Set<DurableSubscription>();
  /** What ends the search for a time. */
  readonly #searches = new Map<DurableSubscription, () => void>();

  constructor(log: SharedLog, window: LogWindow, events: LocatorEvents) {
    this.#log = log;
    this.#window = window;
    this.#events = events;
    this.#times = new TimeSearch(log, window);
  }

  get count(): number {
    return this.#waiting.size;
  }

  locate(subscription: DurableSubscription): void {
    const { coversFrom, last, end } = this.#window;
    const { place } = subscription;
    this.#waiting.delete(subscription);
    if (coversFrom === undefined || !this.#log.isPastKnown()) {
      this.#waiting.set(subscription, "log");
      return;
    }
    if (isPosition(place)) {
      const isNext = place.index === -1 && place.offset === last + 1;
      if (place.offset > last && !isNext) {
        this.#ask(subscription);
        return;
      }
      // A subscription that has seen all of a record needs only those after it.
      const from = place.index === Number.POSITIVE_INFINITY ? place.offset + 1 : place.offset;
      if (from >= coversFrom) this.#events.inMemory(subscription, this.#window.sequenceOf(from));
      else this.#events.older(subscription);
    } else if (place === "first") this.#events.older(subscription);
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
    subscription.inForce();
  }

  /** More is known of the log. */
  retry(): void {
    for (const [subscription, what] of [...this.#waiting]) if (what === "log") this.locate(subscription);
    this.#times.goOn();
  }

  forget(subscription: DurableSubscription): void {
    this.#waiting.delete(subscription);
    this.#toMark.delete(subscription);
    if (this.#marking?.delete(subscription) && this.#marking.size === 0) this.#markInVain();
    this.#searches.get(subscription)?.();
    this.#searches.delete(subscription);
  }

  /** It is another log: times are looked for in this one. */
  restart(): void {
    this.#times.restart();
  }

  /** Takes out those that name a place in the log, by its position. */
  takePlaced(): DurableSubscription[] {
    const placed = [...this.#waiting.keys()].filter(({ place }) => isPosition(place));
    for (const subscription of placed) this.forget(subscription);
    return placed;
  }

  close(): void {
    this.#times.close();
  }

  /**
   * Its place is beyond all that came so far. Either another manager is ahead of this one and what is missing is about to
   * come, or the place is of another log: how far the log reaches now tells which.
   */
  #ask(subscription: DurableSubscription): void {
    this.#waiting.set(subscription, "answer");
    this.#toMark.add(subscription);
    this.#mark();
  }

  /** One mark at a time, whatever clients ask for. */
  #mark(): void {
    if (this.#marking !== undefined || this.#toMark.size === 0) return;
    const asked = this.#toMark;
    this.#marking = asked;
    this.#toMark = new Set();
    this.#stopMarking = this.#log.mark((offset) => {
      if (this.#marking !== asked) return;
      this.#marking = undefined;
      this.#window.reached(offset);
      for (const subscription of asked) {
        if (!this.#waiting.has(subscription)) continue;
        const { place } = subscription;
        if (isPosition(place) && place.offset > this.#window.last) {
          subscription.isBehindGap = true;
          subscription.place = "first";
        }
        this.locate(subscription);
      }
      this.#mark();
    });
  }

  /** Nobody is left that wants to know: nothing is written into the log for that. */
  #markInVain(): void {
    this.#stopMarking();
    this.#marking = undefined;
    this.#mark();
  }

  #search(subscription: DurableSubscription, timestamp: number): void {
    this.#waiting.set(subscription, "answer");
    const until = this.#window.last;
    const stop = this.#times.find(timestamp, (found) => {
      this.#searches.delete(subscription);
      if (found === "nothing kept") {
        this.#waiting.delete(subscription);
        this.#beginInMemory(subscription, timestamp);
        subscription.inForce();
        return;
      }
      subscription.place = { offset: found.offset, index: -1 };
      subscription.since = { seconds: timestamp, until };
      subscription.isBehindGap = found.isBehindGap;
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
