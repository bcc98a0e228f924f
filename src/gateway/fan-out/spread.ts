import { messageCostBytes } from "../../costs.ts";
import type { Body } from "../../message.ts";
import type { Audience, ExcludedSender } from "./audience.ts";
import type { Delivery, Encoding, Relayed } from "./encoding.ts";

/** What an audience takes that waits for a message: its place in a list that grows. In bytes. */
const placeBytes = 16;
const live: Delivery = {};

/** A live message that is published by turns, and the audiences that have yet to get it. */
export class Spread {
  readonly message: Relayed;
  /** The sending client, if it is to get no copy. */
  readonly excluded: ExcludedSender | undefined;
  /** Called once, when all audiences have it. */
  onDone: () => void = () => undefined;
  /** The frame for the last audience. */
  frame: Body = "";
  readonly #id: string;
  /** The audiences, in their order; undefined for those that have it already. */
  readonly #audiences: (Audience | undefined)[] = [];
  /** The index of the next one, and how many have yet to get it. */
  #next = 0;
  #left = 0;
  readonly #messageBytes: number;
  #encoding: Encoding | undefined;
  #tail: Body = "";
  #head: string | undefined;

  constructor(message: Relayed, id: string, excluded: ExcludedSender | undefined) {
    this.message = message;
    this.excluded = excluded;
    this.#id = id;
    this.#messageBytes = messageCostBytes(message);
  }

  /** What it takes with its message, in bytes. */
  get costBytes(): number {
    return placeBytes * this.#audiences.length + this.#messageBytes;
  }

  /** Whether all audiences have it. */
  get isDone(): boolean {
    return this.#left === 0;
  }

  /** The audience is to get it later. */
  await(audience: Audience): void {
    this.#audiences.push(audience);
    this.#left++;
    audience.waiting++;
  }

  /** Whether the audience was to get it. From now on it is not: the caller publishes it. */
  takes(audience: Audience): boolean {
    const index = this.#audiences.indexOf(audience, this.#next);
    if (index < 0) return false;
    this.#take(index);
    return true;
  }

  /** Takes the next audience that is to get it; undefined if there is none. */
  next(): Audience | undefined {
    while (this.#next < this.#audiences.length) {
      const audience = this.#take(this.#next++);
      if (audience !== undefined) return audience;
    }
    return undefined;
  }

  #take(index: number): Audience | undefined {
    const audience = this.#audiences[index];
    if (audience === undefined) return undefined;
    this.#audiences[index] = undefined;
    this.#left--;
    audience.waiting--;
    return audience;
  }

  /** Makes the frame for an audience. It is made once for those that follow one another and get the same. */
  writeFor({ encoding, head }: Audience): void {
    if (encoding !== this.#encoding) {
      this.#encoding = encoding;
      this.#tail = encoding.tailOf(this.message, this.#id, live);
      this.#head = undefined;
    }
    if (head === this.#head) return;
    this.#head = head;
    this.frame = encoding.join(head, this.#tail);
  }
}
