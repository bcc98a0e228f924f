/** Lets a number of events through per span of time, and refuses the rest of that span, but for those allowed besides. */
export class RateWindow {
  readonly #limit: number;
  readonly #spanMs: number;
  #startMs = Number.NEGATIVE_INFINITY;
  #count = 0;
  #besides = 0;

  constructor(limit: number, spanMs: number) {
    this.#limit = limit;
    this.#spanMs = spanMs;
  }

  /** Lets this many more through, whenever they come. */
  allowBesides(count: number): void {
    this.#besides = count;
  }

  admits(nowMs: number): boolean {
    if (nowMs - this.#startMs >= this.#spanMs) {
      this.#startMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count <= this.#limit) return true;
    if (this.#besides === 0) return false;
    this.#besides -= 1;
    return true;
  }
}
