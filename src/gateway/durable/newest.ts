import type { Position } from "../../log/position.ts";
import type { LogRecord } from "../../log/record.ts";
import { isPattern } from "../../topics/pattern.ts";
import { direct } from "../fan-out/encoding.ts";
import { Interests } from "./interests.ts";
import type { DurableSubscription } from "./subscription.ts";

/** Topics of which one subscription may have the newest message: `x-stream-offset:last` for a pattern. */
export const lastTopicsMax = 10_000;

/** What is looked for at a time: of each, ten thousand places and topics may have to be kept until all are found. */
export const searchesMax = 32;

/** What is looked for: the newest messages of all that match, up to a number, or one of each topic. */
export type Wanted = number | "each";

/** The newest messages of what one or more subscriptions match, found by going back in the log. */
export class Newest {
  readonly wanted: Wanted;
  readonly subscriptions: DurableSubscription[];
  /** Oldest first, once it is `sorted`. */
  readonly #found: Position[] = [];
  readonly #topics = new Set<string>();
  /** What was found in the part of the log that is being read forward. */
  #part: { readonly topic: string; readonly place: Position }[] = [];

  constructor(wanted: Wanted, subscription: DurableSubscription) {
    this.wanted = wanted;
    this.subscriptions = [subscription];
  }

  /** Whether nothing older can be among them. */
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

  /** One that is older than all that were found. */
  older(topic: string, place: Position): void {
    if (this.isOver) return;
    if (this.wanted === "each") {
      if (this.#topics.has(topic)) return;
      this.#topics.add(topic);
    }
    this.#found.push(place);
  }

  /** One of a part of the log that is older than all that were found, and is read forward. */
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

  /** Keeps the last message of each topic, or the last ones of all. */
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

/** All that are looked for together: each record is matched once for all of them. */
export class NewestOfAll {
  readonly #interests = new Interests([]);
  readonly #all = new Map<DurableSubscription, Newest>();
  readonly #byName = new Map<string, Newest>();

  /** Those to which something may be added. */
  #left = 0;

  get all(): Iterable<Newest> {
    return this.#all.values();
  }

  get isComplete(): boolean {
    return this.#left === 0;
  }

  /** Subscriptions that ask for the same share one search. Returns false if too much is looked for already: this one has to wait. */
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

  /** A record before all that were looked into. */
  older(record: LogRecord): void {
    for (let index = record.messages.length - 1; index >= 0; index--)
      this.#offer(record, index, (newest, topic, place) => newest.older(topic, place));
  }

  /** The next record of a part that is before all that were looked into. */
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
