import { isAfter, type Position } from "../../log/position.ts";

/** What a place takes: two numbers of eight bytes. */
const placeBytes = 16;

/** Places in the log, in rising order. They are kept in a few bytes each, since a subscription may have ten thousand. */
export class Places {
  readonly #numbers: Float64Array;

  /** @param places in rising order */
  constructor(places: readonly Position[]) {
    this.#numbers = new Float64Array(2 * places.length);
    for (const [at, { offset, index }] of places.entries()) {
      this.#numbers[2 * at] = offset;
      this.#numbers[2 * at + 1] = index;
    }
  }

  /** What they cost in memory, in bytes. */
  get costBytes(): number {
    return (this.#numbers.length / 2) * placeBytes;
  }

  has(offset: number, index: number): boolean {
    let low = 0;
    let high = this.#numbers.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const place = { offset: this.#numbers[2 * middle]!, index: this.#numbers[2 * middle + 1]! };
      if (isAfter(place, offset, index)) low = middle + 1;
      else high = middle;
    }
    return this.#numbers[2 * low] === offset && this.#numbers[2 * low + 1] === index;
  }
}
