import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import { Interests } from "./interests.ts";
import { Offers } from "./offers.ts";
import { type DurableSubscription, isPosition, type ReadingGroup } from "./subscription.ts";

/** How much the members may have gathered together before it is written, in characters or bytes. */
const gatheredSizeMax = 4 * 1024 ** 2;
/** How many clients are written to before the clock is read again. */
const writesPerLook = 16;

/** The client has to read before more is written. The subscription was removed, and its place is after what was written. */
export type OnSlow = (subscription: DurableSubscription) => void;

/**
 * Subscriptions that read the same records together. Each record is matched once for all of them, so the cost of reading is records plus
 * deliveries, never records times subscriptions. Reading pauses also within a record, which may hold ten thousand messages, each of them
 * for thousands of members.
 */
export class Members implements ReadingGroup {
  readonly #all = new Set<DurableSubscription>();
  readonly #unwritten = new Set<DurableSubscription>();
  /** Members that may leave as soon as everything is read. All others wait for a message with which they tell of a gap. */
  readonly #unsettled = new Set<DurableSubscription>();
  /** Created with the first record: most groups that only wait for a reading never need it. */
  #interests: Interests | undefined;
  #gatheredSize = 0;
  #lastOffset: number | undefined;
  readonly #offers: Offers;
  /** How many messages were gathered so far: one for two members counts two. */
  #gatheredCount = 0;
  /** What is done in the current call of `gather` with those whose clients have to read. */
  #onSlow: OnSlow = () => undefined;
  readonly #now: () => number;

  /** @param now the time in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#offers = new Offers(this, now, (subscription) => this.#offer(subscription));
  }

  get size(): number {
    return this.#all.size;
  }

  /** The record within which they have paused. */
  get unfinished(): LogRecord | undefined {
    return this.#offers.record;
  }

  /** Whether some of them have yet to get a message that others have got. */
  get isWithinMessage(): boolean {
    return this.#offers.isWithinMessage;
  }

  /** The offset of the last record that they got all of. */
  get lastOffset(): number | undefined {
    return this.#lastOffset;
  }

  /** Whether what is gathered has to be written before more is read. */
  get isFull(): boolean {
    return this.#gatheredSize >= gatheredSizeMax && !this.#offers.isWithinMessage;
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.size > 0;
  }

  /** Whether each of them only waits for a message with which it tells of a gap. */
  get isSettled(): boolean {
    return this.#unsettled.size === 0;
  }

  /** Adds a subscription whose place is at the next record, or after it: not in a record that is unfinished. */
  add(subscription: DurableSubscription): void {
    subscription.readsWith = this;
    this.#all.add(subscription);
    this.#unsettled.add(subscription);
    this.#interests?.add(subscription);
  }

  /** Returns false if it was not there. What it has gathered stays with it. */
  remove(subscription: DurableSubscription): boolean {
    if (!this.#all.delete(subscription)) return false;
    subscription.readsWith = undefined;
    this.#unwritten.delete(subscription);
    this.#unsettled.delete(subscription);
    this.#interests?.remove(subscription);
    if (this.#all.size === 0) this.#offers.end();
    return true;
  }

  /** This is the first record: members that named an older one have a gap. */
  noticeGaps(firstOffset: number): void {
    for (const subscription of this.#all) {
      const { place } = subscription;
      if (isPosition(place) && place.offset < firstOffset) subscription.isAfterGap = true;
    }
  }

  /** Takes over all members of another group that has come to the same record. Neither may have paused within one. */
  absorb(other: Members): void {
    for (const subscription of other.#all) this.add(subscription);
    for (const subscription of other.#unwritten) this.#unwritten.add(subscription);
    this.#gatheredSize += other.#gatheredSize;
    this.#lastOffset ??= other.#lastOffset;
    other.#clear();
  }

  /** Removes and returns all members. Everything gathered is written first, and their places are after what they have got. */
  takeAll(): DurableSubscription[] {
    const all: DurableSubscription[] = [];
    this.letOut(Number.POSITIVE_INFINITY, (subscription) => void all.push(subscription));
    return all;
  }

  /**
   * Removes members. Everything gathered is written first, and their places are after what they have got. They gather nothing more.
   *
   * @param untilMs when to pause
   * @returns false if there are more to let out
   */
  letOut(untilMs: number, onOut: (subscription: DurableSubscription) => void): boolean {
    this.#interests = undefined;
    let count = 0;
    for (const subscription of this.#all) {
      if (++count % writesPerLook === 0 && this.#now() >= untilMs) return false;
      subscription.flush();
      this.#passed(subscription, this.#offers.isWaiting(subscription));
      this.remove(subscription);
      onOut(subscription);
    }
    return true;
  }

  /**
   * Gathers from a record what each member wants and has not got yet. If the record is `unfinished` then, another call goes on with it.
   *
   * @param untilMs when to pause
   * @returns the number of messages
   */
  gather(record: LogRecord, untilMs: number, onSlow: OnSlow): number {
    this.#interests ??= new Interests(this.#all);
    this.#onSlow = onSlow;
    // One that has come back to a record that all had left has yet to get the rest of it.
    if (this.#lastOffset !== undefined && record.offset <= this.#lastOffset) this.#lastOffset = undefined;
    const before = this.#gatheredCount;
    if (this.#offers.run(record, this.#interests, untilMs)) this.#lastOffset = record.offset;
    return this.#gatheredCount - before;
  }

  #offer(subscription: DurableSubscription): void {
    const offers = this.#offers;
    const { index } = offers;
    const record = offers.record!;
    if (!subscription.isDue(record, index)) return;
    // Another subscription of the client may have taken the room.
    if (!subscription.isRoomy && !subscription.flush()) {
      this.#slow(subscription, { offset: record.offset, index: index - 1 }, this.#onSlow);
      return;
    }
    const { frames } = offers;
    const tail = frames.tailFor(subscription);
    if (!subscription.hasGathered) this.#unwritten.add(subscription);
    subscription.add(tail, frames.frameFor(subscription, tail));
    this.#gatheredCount++;
    this.#gatheredSize += tail.length;
    if (subscription.hasBatch && !subscription.flush())
      this.#slow(subscription, { offset: record.offset, index }, this.#onSlow);
  }

  /**
   * Writes what was gathered. Members whose clients have to read first are removed. Within a message nothing is written, since some of them
   * have yet to get it.
   *
   * @param untilMs when to pause
   * @returns false if there is more to write
   */
  write(untilMs: number, onSlow: OnSlow): boolean {
    if (this.#offers.isWithinMessage) return false;
    let count = 0;
    for (const subscription of this.#unwritten) {
      if (++count % writesPerLook === 0 && this.#now() >= untilMs) return false;
      this.#unwritten.delete(subscription);
      if (!subscription.flush()) this.#slow(subscription, undefined, onSlow);
      else this.#unsettled.add(subscription);
    }
    this.#gatheredSize = 0;
    return true;
  }

  /**
   * Removes the members that have got everything, and keeps those that wait to tell of a gap.
   *
   * @param untilMs when to pause
   * @returns false if there are more to let out
   */
  releaseSettled(
    untilMs: number,
    onOut: (subscription: DurableSubscription) => void,
    onSlow: OnSlow,
  ): boolean {
    let count = 0;
    for (const subscription of this.#unsettled) {
      if (++count % writesPerLook === 0 && this.#now() >= untilMs) return false;
      this.#unsettled.delete(subscription);
      if (!subscription.flush()) this.#slow(subscription, undefined, onSlow);
      else if (!subscription.isAfterGap) {
        this.#passed(subscription);
        this.remove(subscription);
        onOut(subscription);
      }
    }
    return true;
  }

  #slow(subscription: DurableSubscription, place: Position | undefined, onSlow: OnSlow): void {
    // Where it is has to be noted first: when the last one leaves, it is forgotten how far they have come in an unfinished record.
    if (place === undefined) this.#passed(subscription);
    else subscription.place = place;
    this.remove(subscription);
    onSlow(subscription);
  }

  /**
   * Its place is after what it has got: all of the last record, and of the unfinished one what it was offered.
   *
   * @param isWaiting whether it has yet to get the current message
   */
  #passed(subscription: DurableSubscription, isWaiting = false): void {
    if (this.#lastOffset !== undefined) subscription.passed(this.#lastOffset);
    const { record, index, isWithinMessage } = this.#offers;
    if (record === undefined) return;
    const reached = isWithinMessage && !isWaiting ? index : index - 1;
    subscription.reached({ offset: record.offset, index: reached });
  }

  #clear(): void {
    this.#all.clear();
    this.#unwritten.clear();
    this.#unsettled.clear();
    this.#interests = undefined;
    this.#gatheredSize = 0;
    this.#offers.end();
  }
}
