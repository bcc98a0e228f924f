import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import { isExpired } from "../../properties.ts";
import { Interests } from "./interests.ts";
import { SharedFrames } from "./shared-frames.ts";
import type { DurableSubscription, ReadingGroup } from "./subscription.ts";

/** How much the members may have gathered together before it is written, in characters or bytes. */
const gatheredSizeMax = 4 * 1024 ** 2;
/** How many clients are written to before the time is looked at again. */
const writesPerLook = 16;

/** Its client has to read before more is written: it has left, and its place is after what was written. */
export type OnSlow = (subscription: DurableSubscription) => void;

/**
 * Subscriptions that read the same records together. Each record is matched once for all of them, so reading costs
 * records plus deliveries, never records times subscriptions.
 */
export class Members implements ReadingGroup {
  readonly #all = new Set<DurableSubscription>();
  readonly #unwritten = new Set<DurableSubscription>();
  /** Those that may leave as soon as everything is read: all but those that wait to tell of a gap with a message. */
  readonly #unsettled = new Set<DurableSubscription>();
  /** Made when the first record comes: most that only wait for a reading never need one of their own. */
  #interests: Interests | undefined;
  #gatheredSize = 0;
  #lastOffset: number | undefined;

  get size(): number {
    return this.#all.size;
  }

  /** The offset of the last record that they were given. */
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

  /** Whether all of them wait to tell of a gap, and for nothing else. */
  get isSettled(): boolean {
    return this.#unsettled.size === 0;
  }

  [Symbol.iterator](): IterableIterator<DurableSubscription> {
    return this.#all.values();
  }

  /** Takes one in whose place is at the next record, or after it. */
  add(subscription: DurableSubscription): void {
    subscription.readsWith = this;
    this.#all.add(subscription);
    this.#unsettled.add(subscription);
    this.#interests?.add(subscription);
  }

  /** False if it was not there. What it has gathered stays with it. */
  remove(subscription: DurableSubscription): boolean {
    if (!this.#all.delete(subscription)) return false;
    subscription.readsWith = undefined;
    this.#unwritten.delete(subscription);
    this.#unsettled.delete(subscription);
    this.#interests?.remove(subscription);
    return true;
  }

  /** Takes in all members of another group that has come to the same record, and leaves that one empty. */
  absorb(other: Members): void {
    for (const subscription of other.#all) this.add(subscription);
    for (const subscription of other.#unwritten) this.#unwritten.add(subscription);
    this.#gatheredSize += other.#gatheredSize;
    this.#lastOffset ??= other.#lastOffset;
    other.#clear();
  }

  /** Takes all of them out. Everything that was gathered is written, and their places are after the last record. */
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

  /** Gathers from a record what each of them wants and has not passed. @returns how many messages that is */
  deal(record: LogRecord, onSlow: OnSlow): number {
    this.#interests ??= new Interests(this.#all);
    const { offset, heads } = record;
    let count = 0;
    for (const [index, head] of heads.entries()) {
      if (isExpired(head) || record.isRepeat(index)) continue;
      const recipient = record.recipientOf(head);
      // Most messages are wanted by nobody, and need no frame.
      let frames: SharedFrames | undefined;
      const offer = (subscription: DurableSubscription) => {
        if (!subscription.isDue(record, index)) return;
        // Another subscription of its client may have taken the room.
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
   * Writes what was gathered. Those whose clients have to read first leave.
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
   * Lets out those that have read and written everything, and keep those that wait to tell of a gap.
   *
   * @param untilMs when to pause, by `performance.now()`
   * @returns false if there are more to let out
   */
  letOut(untilMs: number, onOut: (subscription: DurableSubscription) => void, onSlow: OnSlow): boolean {
    let count = 0;
    for (const subscription of this.#unsettled) {
      if (++count % writesPerLook === 0 && performance.now() >= untilMs) return false;
      this.#unsettled.delete(subscription);
      if (!subscription.flush()) this.#slow(subscription, undefined, onSlow);
      else if (!subscription.isBehindGap) {
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
