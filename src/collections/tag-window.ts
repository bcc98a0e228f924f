import { Deque } from "./deque.ts";

/**
 * Tracks things that are numbered by consecutive delivery tags from 1 and settled one at a time or, with `multiple`, all up to a tag:
 * publishes that the broker confirms, and deliveries of the embedded broker. No I/O. A settled entry keeps its slot until all before it are
 * settled; if one may stay open for long, see `processor/acks.ts`.
 *
 * Tags that are not in the window (settled already, or never given) are ignored: a broker that settles twice must not disturb other
 * entries.
 */
export class TagWindow<T> {
  readonly #items = new Deque<T | Settled>();
  /** The tag of the item at the head. */
  #headTag = 1;
  #open = 0;

  /** How many are not settled. */
  get open(): number {
    return this.#open;
  }

  /** Adds the next item and returns its tag. */
  add(item: T): number {
    this.#items.push(item);
    this.#open++;
    return this.#headTag + this.#items.length - 1;
  }

  /** Settles one tag, or all open ones up to it, and returns their items in order. */
  settle(tag: number, multiple: boolean): T[] {
    const settled: T[] = [];
    const last = Math.min(tag - this.#headTag, this.#items.length - 1);
    for (let index = multiple ? 0 : tag - this.#headTag; index <= last; index++) {
      const item = this.#items.at(index);
      if (item === undefined || item === alreadySettled) continue;
      settled.push(item as T);
      this.#items.set(index, alreadySettled);
    }
    this.#open -= settled.length;
    while (this.#items.at(0) === alreadySettled) {
      this.#items.shift();
      this.#headTag++;
    }
    return settled;
  }

  /** Whether there is an unsettled item that fits. */
  some(fits: (item: T) => boolean): boolean {
    for (let index = 0; index < this.#items.length; index++) {
      const item = this.#items.at(index);
      if (item !== alreadySettled && fits(item as T)) return true;
    }
    return false;
  }

  /** Removes and returns all unsettled items, in order. The next tag is 1 again. */
  reset(): T[] {
    const open: T[] = [];
    for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
      if (item !== alreadySettled) open.push(item as T);
    }
    this.#headTag = 1;
    this.#open = 0;
    return open;
  }
}

const alreadySettled = Symbol("settled");
type Settled = typeof alreadySettled;
