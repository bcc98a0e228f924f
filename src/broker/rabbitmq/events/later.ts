/**
 * When what is gathered is flushed: after a quiet time in the next turn of the event loop, and otherwise when `gatherMs` have passed since the
 * flush before. What is urgent never waits longer than for the next turn.
 */
export class Later {
  readonly #gatherMs: number;
  readonly #flush: () => void;
  #flushedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  /** @param gatherMs between two flushes, in milliseconds */
  constructor(gatherMs: number, flush: () => void) {
    this.#gatherMs = gatherMs;
    this.#flush = flush;
  }

  /** There is something to flush. */
  flush(isUrgent: boolean): void {
    if (this.#immediate !== undefined || (this.#timer !== undefined && !isUrgent)) return;
    const inMs = this.#flushedMs + this.#gatherMs - performance.now();
    if (isUrgent || inMs <= 0) this.#immediate = setImmediate(() => this.#now());
    else this.#timer = setTimeout(() => this.#now(), inMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  #now(): void {
    this.close();
    this.#flushedMs = performance.now();
    this.#flush();
  }
}
