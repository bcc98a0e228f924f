import type { LogWindow } from "../../log/window.ts";
import { Members } from "./members.ts";
import type { DurableSubscription } from "./subscription.ts";

/** How long gathered messages may wait before they are written, in milliseconds. */
const unwrittenMsMax = 8;

/** What happens to subscriptions that read what is in memory. */
export interface WalkEvents {
  /** It has read everything, so it may follow new records. */
  reachedEnd(subscription: DurableSubscription): void;
  /** The record that it was to read next is no longer in memory. */
  fellBehind(subscription: DurableSubscription): void;
  /** Its client has to read first. It goes on with this record. */
  parked(subscription: DurableSubscription, sequence: number): void;
  /** `count` messages were written. */
  delivered(count: number): void;
}

/** Subscriptions that read together what is in memory, starting at the same record. */
export class Walker {
  members = new Members();
  /** The sequence number of the next record. */
  sequence: number;
  /** The block of the log in which it is the walker that moves; undefined if it is in none. See `Walks`. */
  block: number | undefined;
  /** Whether it is one of those that move. */
  isMoving = false;
  readonly #window: LogWindow;
  readonly #events: WalkEvents;
  /** When the first of the gathered messages came. */
  #gatheredAtMs: number | undefined;

  constructor(sequence: number, window: LogWindow, events: WalkEvents) {
    this.sequence = sequence;
    this.#window = window;
    this.#events = events;
  }

  /** Whether there is nothing to do before the next record comes. */
  get rests(): boolean {
    const { isSettled, hasUnwritten } = this.members;
    return this.sequence === this.#window.end && isSettled && !hasUnwritten;
  }

  /**
   * Reads on, up to `untilSequence` at most.
   *
   * @param untilMs when to pause, by `performance.now()`
   * @param meet called with each record's number before it is read: a walker that waits there may join
   */
  run(untilSequence: number, untilMs: number, meet: (sequence: number) => void): void {
    if (this.sequence < this.#window.begin) {
      this.#fallBehind();
      return;
    }
    while (true) {
      meet(this.sequence);
      if (this.members.isFull && !this.#write(untilMs)) return;
      if (this.sequence >= untilSequence) break;
      const record = this.#window.at(this.sequence)!;
      this.#events.delivered(this.members.gather(record, this.#onSlow));
      this.sequence++;
      // A record may hold thousands of messages.
      if (performance.now() >= untilMs) break;
    }
    if (this.sequence === this.#window.end) this.#releaseSettled(untilMs);
    else if (this.sequence >= untilSequence) this.#write(untilMs);
    else this.#writeWhatIsDue(untilMs);
  }

  /** Takes over the subscriptions of another walker that has come to the same record. */
  absorb(other: Walker): void {
    // The smaller group joins the larger one.
    if (other.members.size > this.members.size) {
      const larger = other.members;
      other.members = this.members;
      this.members = larger;
    }
    this.members.absorb(other.members);
    this.#gatheredAtMs ??= other.#gatheredAtMs;
  }

  #releaseSettled(untilMs: number): void {
    if (!this.#write(untilMs)) return;
    this.members.releaseSettled(
      untilMs,
      (subscription) => this.#events.reachedEnd(subscription),
      this.#onSlow,
    );
  }

  /** Writes seldom, since few large writes are cheaper than many small ones. */
  #writeWhatIsDue(untilMs: number): void {
    if (!this.members.hasUnwritten) return;
    const nowMs = performance.now();
    this.#gatheredAtMs ??= nowMs;
    if (nowMs - this.#gatheredAtMs >= unwrittenMsMax) this.#write(untilMs);
  }

  #write(untilMs: number): boolean {
    if (!this.members.write(untilMs, this.#onSlow)) return false;
    this.#gatheredAtMs = undefined;
    return true;
  }

  #fallBehind(): void {
    for (const subscription of this.members.takeAll()) this.#events.fellBehind(subscription);
  }

  /** Within a record it goes on with the rest of that, otherwise with the next one. */
  readonly #onSlow = (subscription: DurableSubscription) => this.#events.parked(subscription, this.sequence);
}
