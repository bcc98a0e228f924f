/** How many readings may begin at once after a time without any. */
const atOnceMax = 50;
/** The time between two beginnings if more than that want to begin, in milliseconds. */
const eachMs = 50;

/** Begins a reading. @param isHeldUp whether it had to wait because very many begin */
export type Begin = (isHeldUp: boolean) => void;

/**
 * Decides when readings of the log begin. Each takes a channel and a consumer, a read of RabbitMQ's files, and everything that is sent
 * ahead, and clients can cause readings as fast as they are answered. So after the first ones they begin at a limited rate, in the order in
 * which they came. One that ends before it has begun costs nothing.
 */
export class Beginnings {
  readonly #now: () => number;
  readonly #waiting = new Set<Begin>();
  /** When the next reading may begin. In milliseconds. */
  #dueMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param now the time in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** @param begin called once, now or later, unless the reading is forgotten */
  add(begin: Begin): void {
    this.#waiting.add(begin);
    this.#resume(false);
  }

  forget(begin: Begin): void {
    this.#waiting.delete(begin);
    if (this.#waiting.size === 0) this.#rest();
  }

  #resume(areHeldUp: boolean): void {
    if (this.#timer !== undefined) return;
    for (const begin of this.#waiting) {
      const nowMs = this.#now();
      this.#dueMs = Math.max(this.#dueMs, nowMs - (atOnceMax - 1) * eachMs);
      if (this.#dueMs > nowMs) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#resume(true);
        }, this.#dueMs - nowMs);
        return;
      }
      this.#dueMs += eachMs;
      this.#waiting.delete(begin);
      begin(areHeldUp);
    }
  }

  #rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
