import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import { isExpired } from "../../properties.ts";
import { Interests } from "./interests.ts";
import { SharedFrames } from "./shared-frames.ts";
import type { DurableSubscription, ReadingGroup } from "./subscription.ts";

/** How much the members may have gathered together before it is written, in characters or bytes. */
const gatheredSizeMax = 4 * 1024 ** 2;
/** How many clients are written to before the clock is read again. */
const writesPerLook = 16;

/** The client has to read before more is written. The subscription was removed, and its place is after what was written. */
export type OnSlow = (subscription: DurableSubscription) => void;

/**
 * Subscriptions that read the same records together. Each record is matched once for all of them, so the cost of reading is records plus
 * deliveries, never records times subscriptions.
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

  get size(): number {
    return this.#all.size;
  }

  /** The offset of the last record that they got. */
  get lastOffset(): number | undefined {
    return this.#lastOffset;
  }

  /** Whether what is gathered has to be written before more is read. */
  get isFull(): boolean {
    return this.#gatheredSize >= gatheredSizeMax;
  }

  get hasUnwritten(): boolean {
    return this.#unwritten.size > 0;
  }

  /** Whether each of them only waits for a message with which it tells of a gap. */
  get isSettled(): boolean {
    return this.#unsettled.size === 0;
  }

  [Symbol.iterator](): IterableIterator<DurableSubscription> {
    return this.#all.values();
  }

  /** Adds a subscription whose place is at the next record, or after it. */
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
    return true;
  }

  /** Takes over all members of another group that has come to the same record. */
  absorb(other: Members): void {
    for (const subscription of other.#all) this.add(subscription);
    for (const subscription of other.#unwritten) this.#unwritten.add(subscription);
    this.#gatheredSize += other.#gatheredSize;
    this.#lastOffset ??= other.#lastOffset;
    other.#clear();
  }

  /** Removes and returns all members. Everything gathered is written first, and their places are after the last record. */
  takeAll(): DurableSubscription[] {
    const all = [...this.#all];
    for (const subscription of all) {
      subscription.flush();
      this.#passed(subscription);
      subscription.readsWith = undefined;
    }
    this.#clear();
    return all;
  }

  /** Gathers from a record what each member wants and has not got yet. @returns the number of messages */
  gather(record: LogRecord, onSlow: OnSlow): number {
    this.#interests ??= new Interests(this.#all);
    const { offset, heads } = record;
    let count = 0;
    for (const [index, head] of heads.entries()) {
      if (isExpired(head) || record.isRepeat(index)) continue;
      const recipient = record.recipientOf(head);
      // Most messages are wanted by no member, and need no frame.
      let frames: SharedFrames | undefined;
      const offer = (subscription: DurableSubscription) => {
        if (!subscription.isDue(record, index)) return;
        // Another subscription of the client may have taken the room.
        if (!subscription.isRoomy && !subscription.flush()) {
          this.#slow(subscription, { offset, index: index - 1 }, onSlow);
          return;
        }
        frames ??= new SharedFrames(record.at(index), record.positionOf(index));
        const tail = frames.tailFor(subscription);
        if (!subscription.hasGathered) this.#unwritten.add(subscription);
        subscription.add(tail, frames.frameFor(subscription, tail));
        count++;
        this.#gatheredSize += tail.length;
        if (subscription.hasBatch && !subscription.flush())
          this.#slow(subscription, { offset, index }, onSlow);
      };
      if (recipient === undefined) this.#interests.eachOf(head.topic, offer);
      else this.#interests.eachDirect(recipient, offer);
    }
    this.#lastOffset = offset;
    return count;
  }

  /**
   * Writes what was gathered. Members whose clients have to read first are removed.
   *
   * @param untilMs when to pause, by `performance.now()`
   * @returns false if there is more to write
   */
  write(untilMs: number, onSlow: OnSlow): boolean {
    let count = 0;
    for (const subscription of this.#unwritten) {
      if (++count % writesPerLook === 0 && performance.now() >= untilMs) return false;
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
   * @param untilMs when to pause, by `performance.now()`
   * @returns false if there are more to let out
   */
  releaseSettled(
    untilMs: number,
    onOut: (subscription: DurableSubscription) => void,
    onSlow: OnSlow,
  ): boolean {
    let count = 0;
    for (const subscription of this.#unsettled) {
      if (++count % writesPerLook === 0 && performance.now() >= untilMs) return false;
      this.#unsettled.delete(subscription);
      if (!subscription.flush()) this.#slow(subscription, undefined, onSlow);
      else if (!subscription.isAfterGap) {
        this.remove(subscription);
        this.#passed(subscription);
        onOut(subscription);
      }
    }
    return true;
  }

  #slow(subscription: DurableSubscription, place: Position | undefined, onSlow: OnSlow): void {
    this.remove(subscription);
    if (place === undefined) this.#passed(subscription);
    else subscription.place = place;
    onSlow(subscription);
  }

  #passed(subscription: DurableSubscription): void {
    if (this.#lastOffset !== undefined) subscription.passed(this.#lastOffset);
  }

  #clear(): void {
    this.#all.clear();
    this.#unwritten.clear();
    this.#unsettled.clear();
    this.#interests = undefined;
    this.#gatheredSize = 0;
  }
}
