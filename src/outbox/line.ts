import { Deque } from "../collections/deque.ts";
import type { Waiting } from "../envelope/sealing.ts";

/** A stream has fewer numbers than this. Ten thousand messages a second take 79 days to use them up, in one line that is never empty. */
export const streamSize = 2 ** 36;

/** Where the numbers of a line's messages go on. They are those of one stream, and consecutive. */
export interface Stream {
  /** 0 is everybody's. */
  readonly index: number;
  /** Messages that were numbered. */
  count: number;
}

/** Messages that wait to be put into envelopes, one after the other, and are numbered in that order. */
export class Line {
  readonly stream: Stream;
  readonly #waiting = new Deque<Waiting>();
  /** Were taken out to be packed together, could not be, and are sealed one by one. */
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

  /** Whether what comes next is to be sealed alone. */
  get isSingle(): boolean {
    return this.#singly.length > 0;
  }

  /** Returns the message's number. */
  push(waiting: Waiting): number {
    this.#waiting.push(waiting);
    return this.stream.index * streamSize + ++this.stream.count;
  }

  /** What comes next, without what is to be sealed alone. */
  peek(): Waiting | undefined {
    return this.#waiting.at(0);
  }

  /** @param sequence the place that it takes in the order of first sending */
  shift(sequence: number): Waiting | undefined {
    const waiting = this.#singly.shift() ?? this.#waiting.shift();
    if (waiting?.share !== undefined) {
      waiting.share.unsentBytes -= waiting.costBytes;
      waiting.share.sealedAt = sequence;
    }
    return waiting;
  }

  /** These were shifted last, and come again, one by one. */
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

  /** Messages of its stream that were sealed. */
  get sealedCount(): number {
    return this.#sealed;
  }
}
