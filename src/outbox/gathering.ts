/** Below this rate, in messages a second, each message is sent at once; from `manyPerSecond` on they gather for `lingerMsMax`. */
const fewPerSecond = 1000;
const manyPerSecond = 5000;
const lingerMsMax = 6;

/** The interval over which the rate is measured, in milliseconds. */
const countedMs = 50;

/**
 * Decides how long messages gather before they are sent, by their rate. No I/O, no clock: moments are given in milliseconds.
 *
 * RabbitMQ sleeps between two sends. Waking up, storing and confirming cost it the same however little was sent, so messages that are sent
 * together cost it much less each (docs/decisions.md has figures).
 */
export class Gathering {
  /** How long a message waits for others before it is sent. In milliseconds, 0 to 6. */
  lingerMs = 0;
  #count = 0;
  #sinceMs = 0;

  /** `count` messages have been sent. */
  sent(count: number, nowMs: number): void {
    this.#count += count;
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < countedMs) return;
    const perSecond = (this.#count / elapsedMs) * 1000;
    const share = (perSecond - fewPerSecond) / (manyPerSecond - fewPerSecond);
    this.lingerMs = Math.round(lingerMsMax * Math.min(1, Math.max(0, share)));
    this.#count = 0;
    this.#sinceMs = nowMs;
  }
}
