/** Readings that begin at once after a rest. */
const atOnceMax = 50;
/** Between two that begin where more than that want to, in milliseconds. */
const eachMs = 50;

/** Begins a reading. @param isHeldUp whether it had to wait since very many begin */
export type Begin = (isHeldUp: boolean) => void;

/**
 * When readings of the log begin. Each takes a channel and a consumer, a look into RabbitMQ's files, and all that is sent ahead, and
 * clients can have them begin and end as fast as they are answered. So beyond the first ones they begin at a pace, those that
 * wait longest first; one that ends before it has begun costs nothing.
 */
export class Beginnings {
  readonly #now: () => number;
  readonly #waiting = new Set<Begin>();
  /** When the next one may begin. In milliseconds. */
  #dueMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param now the time in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** @param begin called once, now or later, unless it is forgotten */
  add(begin: Begin): void {
    this.#waiting.add(begin);
    this.#goOn(false);
  }

  forget(begin: Begin): void {
    this.#waiting.delete(begin);
    if (this.#waiting.size === 0) this.#rest();
  }

  #goOn(areHeldUp: boolean): void {
    if (this.#timer !== undefined) return;
    for (const begin of this.#waiting) {
      const nowMs = this.#now();
      this.#dueMs = Math.max(this.#dueMs, nowMs - (atOnceMax - 1) * eachMs);
      if (this.#dueMs > nowMs) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#goOn(true);
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
