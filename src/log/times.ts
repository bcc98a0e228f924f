import { Deque } from "../collections/deque.ts";

/** How many times are skipped together. A power of two. */
const blockLength = 256;

/**
 * The times of the records in a queue, in seconds. Publishers' clocks differ and jump, so the times are not sorted. To find the first one
 * that is not before a given time, whole blocks are skipped by the latest time in them.
 */
export class Times {
  readonly #times = new Deque<number>();
  /** The latest time in each block. Some times of the first block may be gone already. */
  readonly #latest = new Deque<number>();
  /** How many times of the first block are gone. */
  #gone = 0;

  push(time: number): void {
    const at = this.#gone + this.#times.length;
    this.#times.push(time);
    if (at % blockLength === 0) this.#latest.push(time);
    else {
      const last = this.#latest.length - 1;
      this.#latest.set(last, Math.max(this.#latest.at(last)!, time));
    }
  }

  shift(): void {
    if (this.#times.shift() === undefined) return;
    this.#gone++;
    // A queue may become empty within a block.
    if (this.#gone < blockLength && this.#times.length > 0) return;
    this.#gone = 0;
    this.#latest.shift();
  }

  /** The index of the first time that is not before this one; the number of times if all are before it. */
  firstNotBefore(time: number): number {
    for (let block = 0; block < this.#latest.length; block++) {
      if (this.#latest.at(block)! < time) continue;
      const begin = Math.max(0, block * blockLength - this.#gone);
      const end = Math.min(this.#times.length, (block + 1) * blockLength - this.#gone);
      for (let index = begin; index < end; index++) if (this.#times.at(index)! >= time) return index;
    }
    return this.#times.length;
  }
}
