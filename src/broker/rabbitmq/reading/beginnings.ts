/** Readings that begin at once after a rest. */
const atOnceMax = 50;
/** Between two that begin where more than that want to, in milliseconds. */
const eachMs = 20;

/**
 * When readings of the log begin. Each takes RabbitMQ a channel, a consumer and a look into files, which are some milliseconds of its
 * CPU time, and clients can have them begin and end as fast as they are answered. So beyond the first ones they begin at a pace, those
 * that wait longest first; one that ends before it has begun costs nothing.
 */
export class Beginnings {
  readonly #now: () => number;
  readonly #waiting = new Set<() => void>();
  /** When the next one may begin. In milliseconds. */
  #dueMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param now the time in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** @param begin called once, now or later, unless it is forgotten */
  add(begin: () => void): void {
    this.#waiting.add(begin);
    this.#goOn();
  }

  forget(begin: () => void): void {
    this.#waiting.delete(begin);
    if (this.#waiting.size === 0) this.#rest();
  }

  #goOn(): void {
    if (this.#timer !== undefined) return;
    for (const begin of this.#waiting) {
      const nowMs = this.#now();
      this.#dueMs = Math.max(this.#dueMs, nowMs - (atOnceMax - 1) * eachMs);
      if (this.#dueMs > nowMs) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#goOn();
        }, this.#dueMs - nowMs);
        return;
      }
      this.#dueMs += eachMs;
      this.#waiting.delete(begin);
      begin();
    }
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
