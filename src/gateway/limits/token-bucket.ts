/**
 * Allows a rate on average, and a second's worth at once after a second's rest. It reads no clock: the caller passes the time.
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

  /** Takes a token. Returns false if there is none left. */
  take(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes tokens, even if there are not enough. */
  owe(nowMs: number, count: number): void {
    this.#fill(nowMs);
    this.#tokens -= count;
  }

  /** How long until there is a token, in milliseconds. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, ((1 - this.#tokens) * 1000) / this.#perSecond);
  }

  #fill(nowMs: number): void {
    const filled = this.#tokens + ((nowMs - this.#filledMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond, filled);
    this.#filledMs = nowMs;
  }
}
