/** Lets a number of events through per span of time, and refuses the rest of that span. */
export class RateWindow {
  readonly #limit: number;
  readonly #spanMs: number;
  #startMs = Number.NEGATIVE_INFINITY;
  #count = 0;

  constructor(limit: number, spanMs: number) {
    this.#limit = limit;
    this.#spanMs = spanMs;
  }

  admits(nowMs: number): boolean {
    if (nowMs - this.#startMs >= this.#spanMs) {
      this.#startMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= this.#limit;
  }
}
