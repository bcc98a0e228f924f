import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import { isPattern } from "../../topics/pattern.ts";
import { direct } from "../fan-out/encoding.ts";
import { Interests } from "./interests.ts";
import type { DurableSubscription } from "./subscription.ts";

/** The most topics whose newest message one subscription may get: `x-stream-offset:last` for a pattern. */
export const lastTopicsMax = 10_000;

/** How many searches may run at a time. Each may have to keep ten thousand places and topics until all are found. */
export const searchesMax = 32;

/** What is searched for: this many of the newest matching messages, or the newest message of each topic. */
export type Wanted = number | "each";

/** The newest messages that one or more subscriptions match, found by going back in the log. */
export class Newest {
  readonly wanted: Wanted;
  readonly subscriptions: DurableSubscription[];
  /** Oldest first, once it is `sorted`. */
  readonly #found: Position[] = [];
  readonly #topics = new Set<string>();
  /** What was found in the part of the log that is currently read, forward. */
  #part: { readonly topic: string; readonly place: Position }[] = [];

  constructor(wanted: Wanted, subscription: DurableSubscription) {
    this.wanted = wanted;
    this.subscriptions = [subscription];
  }

  /** Whether everything is found, since older messages cannot be among the newest. */
  get isComplete(): boolean {
    return this.wanted !== "each" && this.#found.length >= this.wanted;
  }

  /** Whether nothing more can be added. */
  get isOver(): boolean {
    return this.isComplete || this.isTooMuch;
  }

  get isTooMuch(): boolean {
    return this.#topics.size > lastTopicsMax;
  }

  /** Oldest first. */
  get places(): readonly Position[] {
    return this.#found.toSorted((one, other) => one.offset - other.offset || one.index - other.index);
  }

  /** Adds a message that is older than all that were found. */
  older(topic: string, place: Position): void {
    if (this.isOver) return;
    if (this.wanted === "each") {
      if (this.#topics.has(topic)) return;
      this.#topics.add(topic);
    }
    this.#found.push(place);
  }

  /** Adds a message of the part that is read forward. The part is older than everything that was found. */
  inPart(topic: string, place: Position): void {
    if (this.wanted === "each" && this.#topics.has(topic)) return;
    this.#part.push({ topic, place });
    const roomMax = this.wanted === "each" ? 2 * lastTopicsMax : 2 * this.wanted;
    if (this.#part.length > roomMax) this.#shorten();
  }

  partEnded(): void {
    const part = this.#part;
    this.#part = [];
    for (let at = part.length - 1; at >= 0; at--) this.older(part[at]!.topic, part[at]!.place);
  }

  /** Keeps only the last message of each topic, or only as many of the last messages as are wanted. */
  #shorten(): void {
    if (this.wanted !== "each") {
      this.#part = this.#part.slice(-this.wanted);
      return;
    }
    const last = new Map(this.#part.map((each) => [each.topic, each]));
    this.#part = [...last.values()];
    if (last.size > lastTopicsMax) for (const topic of last.keys()) this.#topics.add(topic);
  }
}

/** All searches that run together: each record is matched once for all of them. */
export class NewestOfAll {
  readonly #interests = new Interests([]);
  readonly #all = new Map<DurableSubscription, Newest>();
  readonly #byName = new Map<string, Newest>();

  /** How many searches are still incomplete. */
  #left = 0;

  get all(): Iterable<Newest> {
    return this.#all.values();
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  /**
   * Adds a subscription. Subscriptions that ask for the same share one search. Returns false if too many searches run already, so that it
   * has to wait.
   */
  add(subscription: DurableSubscription, wanted: Wanted): boolean {
    const { pattern, clientId } = subscription;
    const isOne = wanted === "each" && (pattern === direct || !isPattern(pattern));
    const count = isOne ? 1 : wanted;
    const name = `${count} ${pattern === direct ? `direct ${clientId}` : `to ${pattern}`}`;
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.subscriptions.push(subscription);
      return true;
    }
    if (this.#all.size >= searchesMax) return false;
    const newest = new Newest(count, subscription);
    this.#byName.set(name, newest);
    this.#all.set(subscription, newest);
    this.#interests.add(subscription);
    this.#left++;
    return true;
  }

  /** Adds a record that is older than all that were examined. */
  older(record: LogRecord): void {
    for (let index = record.messages.length - 1; index >= 0; index--)
      this.#offer(record, index, (newest, topic, place) => newest.older(topic, place));
  }

  /** Adds the next record of a part that is older than all that were examined. */
  inPart(record: LogRecord): void {
    for (const index of record.messages.keys())
      this.#offer(record, index, (newest, topic, place) => newest.inPart(topic, place));
  }

  partEnded(): void {
    this.#left = 0;
    for (const newest of this.all) {
      newest.partEnded();
      if (!newest.isOver) this.#left++;
    }
  }

  #offer(
    record: LogRecord,
    index: number,
    take: (newest: Newest, topic: string, place: Position) => void,
  ): void {
    if (record.isRepeat(index)) return;
    const { offset } = record;
    const message = record.messages[index]!;
    const { topic } = message;
    const recipient = record.recipientOf(message);
    const offer = (subscription: DurableSubscription) => {
      const newest = this.#all.get(subscription)!;
      if (newest.isOver) return;
      take(newest, topic, { offset, index });
      if (newest.isOver) this.#left--;
    };
    if (recipient === undefined) this.#interests.eachOf(topic, offer);
    else this.#interests.eachDirect(recipient, offer);
  }
}
