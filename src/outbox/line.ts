import { Deque } from "../collections/deque.ts";
import type { Waiting } from "../envelope/sealing.ts";

/** A stream has fewer numbers than this. Ten thousand messages a second take 79 days to use them up, in one line that is never empty. */
export const streamSize = 2 ** 36;

/** The numbering of a line's messages. A line continues one stream, and its numbers are consecutive. */
export interface Stream {
  /** 0 is the common line's. */
  readonly index: number;
  /** How many messages were numbered. */
  count: number;
}

/** Messages that wait to be put into envelopes one after another, and are numbered in that order. */
export class Line {
  readonly stream: Stream;
  readonly #waiting = new Deque<Waiting>();
  /** Messages that were taken out for a pack but could not be packed. They are sealed one by one. */
  readonly #singly = new Deque<Waiting>();
  /** The number, in its stream, of the last message that was sealed. */
  #sealed: number;

  constructor(stream: Stream) {
    this.stream = stream;
    this.#sealed = stream.count;
  }

  get length(): number {
    return this.#singly.length + this.#waiting.length;
  }

  /** Whether the next message is to be sealed alone. */
  get isSingle(): boolean {
    return this.#singly.length > 0;
  }

  /** Returns the message's number. */
  push(waiting: Waiting): number {
    this.#waiting.push(waiting);
    return this.stream.index * streamSize + ++this.stream.count;
  }

  /** The next message, unless it is to be sealed alone. */
  peek(): Waiting | undefined {
    return this.#waiting.at(0);
  }

  /** @param sequence its place in the order of first sending */
  shift(sequence: number): Waiting | undefined {
    const waiting = this.#singly.shift() ?? this.#waiting.shift();
    if (waiting?.share !== undefined) {
      waiting.share.unsentBytes -= waiting.costBytes;
      waiting.share.sealedAt = sequence;
    }
    return waiting;
  }

  /** Puts back the messages that were shifted last, to be sealed one by one. */
  unshift(waiting: readonly Waiting[]): void {
    for (const each of waiting) {
      if (each.share !== undefined) each.share.unsentBytes += each.costBytes;
      this.#singly.push(each);
    }
  }

  /** The number of the next message to be sealed. */
  get nextNumber(): number {
    return this.stream.index * streamSize + this.#sealed + 1;
  }

  /** The next `count` messages were sealed. */
  sealed(count: number): void {
    this.#sealed += count;
  }

  /** How many messages of its stream were sealed. */
  get sealedCount(): number {
    return this.#sealed;
  }
}
