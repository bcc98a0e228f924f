/** Lets a limited number of events through per span of time. More can be allowed once. */
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

  /** Allows this many more events, at any time. */
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
