import type { Body } from "../../message.ts";
import type { Audience, ExcludedSender } from "./audiences.ts";
import type { Delivery, Encoding, Relayed } from "./encoding.ts";

/** What an audience takes that waits for a message: its place in a set. In bytes. */
const placeBytes = 64;
const live: Delivery = {};

/** A live message that is published by turns, and the audiences that have yet to get it. */
export class Spread {
  readonly message: Relayed;
  /** The sending client, if it is to get no copy. */
  readonly excluded: ExcludedSender | undefined;
  /** Called once, when all audiences have it. */
  onDone: () => void = () => undefined;
  /** What it takes besides its message, in bytes. */
  costBytes = 0;
  /** The frame for the last audience. */
  frame: Body = "";
  readonly #id: string;
  readonly #rest = new Set<Audience>();
  /** One iterator for all turns: each new one would pass over all audiences that have it already. */
  readonly #remaining = this.#rest.values();
  #encoding: Encoding | undefined;
  #tail: Body = "";
  #head: string | undefined;

  constructor(message: Relayed, id: string, excluded: ExcludedSender | undefined) {
    this.message = message;
    this.excluded = excluded;
    this.#id = id;
  }

  /** Whether all audiences have it. */
  get isDone(): boolean {
    return this.#rest.size === 0;
  }

  /** The audience is to get it later. */
  await(audience: Audience): void {
    this.#rest.add(audience);
    this.costBytes += placeBytes;
    audience.waiting++;
  }

  /** Whether the audience was to get it. From now on it is not: the caller publishes it. */
  takes(audience: Audience): boolean {
    if (!this.#rest.delete(audience)) return false;
    audience.waiting--;
    return true;
  }

  /** Takes the next audience that is to get it; undefined if there is none. */
  next(): Audience | undefined {
    const audience = this.#remaining.next().value;
    if (audience !== undefined) this.takes(audience);
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
