/** Work that strangers can cause takes only a part of the time: after each piece it rests for several times as long, unless it has saved that up. */
export class TimeShare {
  readonly #part: number;
  readonly #aheadMs: number;
  #nextMs = Number.NEGATIVE_INFINITY;

  /**
   * @param part it takes one part in so many of the time
   * @param aheadMs it may take its part of this time at once, in milliseconds
   */
  constructor(part: number, aheadMs: number) {
    this.#part = part;
    this.#aheadMs = aheadMs;
  }

  /** How long the next piece has to wait, in milliseconds. */
  get restMs(): number {
    return Math.max(0, this.#nextMs - performance.now());
  }

  /**
   * A piece is done.
   *
   * @param beganMs when it began, by `performance.now()`
   * @param tookMs how long it took, in milliseconds
   */
  spent(beganMs: number, tookMs: number): void {
    this.#nextMs = Math.max(this.#nextMs, beganMs - this.#aheadMs) + this.#part * tookMs;
  }
}
