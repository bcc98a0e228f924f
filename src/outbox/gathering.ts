/** Fewer messages a second than this are each sent at once; from `manyPerSecond` on they gather for `lingerMsMax`. */
const fewPerSecond = 1000;
const manyPerSecond = 3000;
const lingerMsMax = 3;

/** How long messages are counted to tell how many there are, in milliseconds. */
const countedMs = 50;

/**
 * How long messages gather before they are sent, by how many there are. No I/O, no clock: moments are given in milliseconds.
 *
 * Between two sends RabbitMQ sleeps. To wake up, store and confirm costs it the same however little was sent, so messages that gather
 * cost it much less each. Gathering longer than this made round trips slower again (docs/decisions.md has figures).
 */
export class Gathering {
  /** How long a message that is not alone may wait for others. In milliseconds, 0 to 3. */
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
