import { Gaps } from "./gaps.ts";
import { Histogram } from "./histogram.ts";

/**
 * The account of one kind of delivery (relayed, or processed): each pair of receiver and publisher is followed by itself,
 * with four bytes as long as everything arrives in order.
 *
 * A message is *reordered* if one that the same publisher sent later reached the same receiver before it, and *duplicated*
 * if it had reached that receiver already. The first copy counts as delivered.
 */
export class Tally {
  readonly latency = new Histogram();
  /** The sequence number after the highest that arrived, for each pair. */
  readonly #next: Uint32Array;
  readonly #publishers: number;
  readonly #gaps: Gaps;
  #delivered = 0;
  #duplicated = 0;
  #reordered = 0;

  constructor(receivers: number, publishers: number, gaps: Gaps = new Gaps()) {
    this.#publishers = publishers;
    this.#next = new Uint32Array(receivers * publishers);
    this.#gaps = gaps;
  }

  /** Different messages that arrived, one for each receiver. */
  get delivered(): number {
    return this.#delivered;
  }

  get duplicated(): number {
    return this.#duplicated;
  }

  get reordered(): number {
    return this.#reordered;
  }

  /** True as long as reordered and duplicated are exact (see `Gaps`). */
  get isExact(): boolean {
    return this.#gaps.forgotten === 0;
  }

  /** The arrival of one message. */
  count(receiver: number, publisher: number, sequence: number): void {
    const pair = receiver * this.#publishers + publisher;
    const next = this.#next[pair]!;
    if (sequence === next) {
      this.#next[pair] = sequence + 1;
      this.#delivered++;
    } else {
      this.#countOutOfTurn(pair, sequence, next);
    }
  }

  #countOutOfTurn(pair: number, sequence: number, next: number): void {
    if (sequence > next) {
      this.#gaps.add(pair, next, sequence);
      this.#next[pair] = sequence + 1;
      this.#delivered++;
    } else if (this.#gaps.fill(pair, sequence)) {
      this.#delivered++;
      this.#reordered++;
    } else {
      this.#duplicated++;
    }
  }
}
