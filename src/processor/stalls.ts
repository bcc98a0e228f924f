/** How often a timer looks whether it is late, in milliseconds. */
const lookEachMs = 1000;
/** For how long a stall counts as recent, in milliseconds: until the loss of a connection shows, and no longer. */
const recentMs = 30_000;

/**
 * Knows for how long the event loop has stood still, since a handler kept it to itself or the process was stopped. RabbitMQ gives up a
 * connection whose heart-beats do not come for that reason.
 */
export class Stalls {
  #lookedMs = performance.now();
  /** The longest stall of those that ended within `recentMs`, and when it ended. In milliseconds. */
  #longest = { ms: 0, endedMs: Number.NEGATIVE_INFINITY };
  readonly #timer = setInterval(() => this.#look(), lookEachMs);

  constructor() {
    this.#timer.unref();
  }

  /** The longest recent stall, in milliseconds; also if nothing else has run since it ended. */
  get recentMs(): number {
    this.#look();
    return this.#longest.ms;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = performance.now();
    const ms = Math.max(0, nowMs - this.#lookedMs - lookEachMs);
    this.#lookedMs = nowMs;
    if (ms >= this.#longest.ms || nowMs - this.#longest.endedMs > recentMs)
      this.#longest = { ms, endedMs: nowMs };
  }
}
