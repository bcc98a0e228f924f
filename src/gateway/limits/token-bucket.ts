/**
 * So many a second on average, and as many at once after a second's rest. It reads no clock: whoever asks says what time it is.
 */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledMs = nowMs;
  }

  /** False if there is none left. */
  take(nowMs: number): boolean {
    const filled = this.#tokens + ((nowMs - this.#filledMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond, filled);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
