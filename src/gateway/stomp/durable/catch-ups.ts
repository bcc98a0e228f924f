import type { LogWindow } from "../../../log/window.ts";
import type { DurableSubscription } from "./subscription.ts";
import type { Tails } from "./tails.ts";

/** What one subscription gets in its turn before the next one's: records looked at. */
const recordsPerTurnMax = 512;
/** How long the event loop is held up at a time, in milliseconds. */
const sliceMs = 4;

export interface CatchUpEvents {
  /** It has all that there is: it may follow what comes. */
  reachedEnd(subscription: DurableSubscription): void;
  /** What it was to read next is in memory no more. */
  fellBehind(subscription: DurableSubscription): void;
  /** So many messages were written. */
  delivered(count: number): void;
}

/** Subscriptions that read what is in memory, in turns, until they have reached the log's end. */
export class CatchUps {
  readonly #window: LogWindow;
  readonly #tails: Tails;
  readonly #events: CatchUpEvents;
  readonly #ready = new Set<DurableSubscription>();
  /** At the end, but to be told of a gap with the next message, so not like the others there. */
  readonly #waiting = new Set<DurableSubscription>();
  #immediate: NodeJS.Immediate | undefined;

  constructor(window: LogWindow, tails: Tails, events: CatchUpEvents) {
    this.#window = window;
    this.#tails = tails;
    this.#events = events;
  }

  get count(): number {
    return this.#ready.size + this.#waiting.size;
  }

  add(subscription: DurableSubscription, sequence: number): void {
    subscription.state = { is: "catching up", sequence };
    this.#ready.add(subscription);
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  remove(subscription: DurableSubscription): void {
    this.#ready.delete(subscription);
    this.#waiting.delete(subscription);
  }

  /** Takes all of them out. */
  takeAll(): DurableSubscription[] {
    const all = [...this.#ready, ...this.#waiting];
    this.#ready.clear();
    this.#waiting.clear();
    return all;
  }

  /** A record has come. */
  wake(): void {
    if (this.#waiting.size === 0) return;
    for (const subscription of this.#waiting) this.#ready.add(subscription);
    this.#waiting.clear();
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  close(): void {
    clearImmediate(this.#immediate);
    this.takeAll();
  }

  #turn(): void {
    this.#immediate = undefined;
    const until = performance.now() + sliceMs;
    for (const subscription of this.#ready) {
      this.#ready.delete(subscription);
      this.#step(subscription);
      if (performance.now() >= until) break;
    }
    if (this.#ready.size > 0) this.#immediate = setImmediate(() => this.#turn());
    else this.#tails.clear();
  }

  #step(subscription: DurableSubscription): void {
    const { state } = subscription;
    if (state.is !== "catching up") return;
    let { sequence } = state;
    if (sequence < this.#window.begin) {
      this.#events.fellBehind(subscription);
      return;
    }
    // Another subscription of its client may have taken the room.
    if (!subscription.isRoomy) {
      subscription.state = { is: "parked", sequence };
      return;
    }
    const last = Math.min(this.#window.end, sequence + recordsPerTurnMax);
    let delivered = 0;
    while (sequence < last && !subscription.hasBatch) {
      const record = this.#window.at(sequence++)!;
      delivered += subscription.gather(record, this.#tails);
      subscription.passed(record.offset);
    }
    this.#events.delivered(delivered);
    if (!subscription.flush()) subscription.state = { is: "parked", sequence };
    else if (sequence < this.#window.end) this.#goOn(this.#ready, subscription, sequence);
    else if (subscription.isBehindGap) this.#goOn(this.#waiting, subscription, sequence);
    else this.#events.reachedEnd(subscription);
  }

  #goOn(set: Set<DurableSubscription>, subscription: DurableSubscription, sequence: number): void {
    subscription.state = { is: "catching up", sequence };
    set.add(subscription);
  }
}
