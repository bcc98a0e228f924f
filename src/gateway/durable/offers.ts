import type { Head } from "../../envelope/envelope.ts";
import type { LogRecord } from "../../log/record.ts";
import { isExpired } from "../../properties.ts";
import type { Interests } from "./interests.ts";
import { SharedFrames } from "./shared-frames.ts";
import type { DurableSubscription, ReadingGroup } from "./subscription.ts";

/**
 * How much is done before the clock is read again. A message, and each subscription that it is offered to, count one. A topic that is
 * compared with all patterns counts as much as this.
 */
const workPerLook = 16;

/**
 * Offers the messages of a record, one after another, to the subscriptions that want them. It pauses also within a message, since there may
 * be tens of thousands that want it.
 */
export class Offers {
  /** The record that is being offered; undefined between records. */
  record: LogRecord | undefined;
  /** The index of the current message, or of the next one. */
  index = 0;
  /** Those to whom the current message is still to be offered. Some of them may have left. Undefined between messages. */
  #rest: DurableSubscription[] | undefined;
  /** The same ones, once somebody has asked. */
  #waiting: ReadonlySet<DurableSubscription> | undefined;
  /** The frames of the current message, once a subscription has wanted one. */
  #frames: SharedFrames | undefined;
  #work = 0;
  readonly #group: ReadingGroup;
  readonly #now: () => number;
  readonly #offer: (subscription: DurableSubscription) => void;

  /**
   * @param group only what still reads with it is offered anything
   * @param now the time in milliseconds
   * @param offer offers the current message to a subscription
   */
  constructor(group: ReadingGroup, now: () => number, offer: (subscription: DurableSubscription) => void) {
    this.#group = group;
    this.#now = now;
    this.#offer = offer;
  }

  /** Whether some have got the current message, and others have not. */
  get isWithinMessage(): boolean {
    return this.#rest !== undefined;
  }

  /** Whether the current message is still to be offered to this one. */
  isWaiting(subscription: DurableSubscription): boolean {
    if (this.#rest === undefined) return false;
    this.#waiting ??= new Set(this.#rest);
    return this.#waiting.has(subscription);
  }

  /** The frames of the current message. */
  get frames(): SharedFrames {
    this.#frames ??= new SharedFrames(this.record!.at(this.index), this.record!.positionOf(this.index));
    return this.#frames;
  }

  /** What is left of the record is not offered to anybody. */
  end(): void {
    this.record = undefined;
    this.#rest = this.#waiting = undefined;
    this.#frames = undefined;
  }

  /**
   * Offers what is left of the record, if one is unfinished, or all of this one.
   *
   * @param untilMs when to pause
   * @returns whether all of it was offered
   */
  run(record: LogRecord, interests: Interests, untilMs: number): boolean {
    this.#work = 0;
    if (this.record === undefined) {
      this.record = record;
      this.index = 0;
    }
    const { heads } = record;
    // If all leave meanwhile, it ends.
    for (; this.record !== undefined && this.index < heads.length; this.index++) {
      if (this.#rest !== undefined) this.#offerRest(this.#rest, untilMs);
      else if (this.#isTimeOver(untilMs)) return false;
      else this.#offerNext(record, heads[this.index]!, interests, untilMs);
      if (this.#rest !== undefined) return false;
    }
    this.end();
    return true;
  }

  #offerRest(rest: readonly DurableSubscription[], untilMs: number): void {
    this.#rest = this.#waiting = undefined;
    this.#offerTo(rest, untilMs);
  }

  #offerNext(record: LogRecord, head: Head, interests: Interests, untilMs: number): void {
    this.#work++;
    if (isExpired(head) || record.isRepeat(this.index)) return;
    // Most messages are wanted by nobody, and need no frames.
    this.#frames = undefined;
    const recipient = record.recipientOf(head);
    if (recipient !== undefined) {
      this.#offerTo(interests.directTo(recipient), untilMs);
      return;
    }
    this.#offerTo(interests.naming(head.topic), untilMs);
    if (!interests.remembers(head.topic)) this.#work += workPerLook;
    this.#offerTo(interests.matching(head.topic), untilMs);
  }

  /** Offers the current message until the time is over. The others are the rest. */
  #offerTo(subscriptions: Iterable<DurableSubscription>, untilMs: number): void {
    for (const subscription of subscriptions) {
      if (subscription.readsWith !== this.#group) continue;
      if (this.#rest !== undefined) this.#rest.push(subscription);
      else if (this.#isTimeOver(untilMs)) this.#rest = [subscription];
      else {
        this.#work++;
        this.#offer(subscription);
      }
    }
  }

  /** Reads the clock now and then. */
  #isTimeOver(untilMs: number): boolean {
    if (this.#work < workPerLook) return false;
    this.#work = 0;
    return this.#now() >= untilMs;
  }
}
