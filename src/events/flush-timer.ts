/**
 * Decides when gathered events are flushed: after a quiet time in the next turn of the event loop, and otherwise when some time has passed
 * since the last flush. Events that nobody waits for are gathered after a quiet time too.
 */
export class FlushTimer {
  readonly #flush: () => void;
  #flushedMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /**
   * There is something to flush.
   *
   * @param gatherMs the time since the last flush, in milliseconds; 0: always in the next turn
   * @param isLazy whether the time begins now
   */
  flush(gatherMs: number, isLazy = false): void {
    if (this.#immediate !== undefined || (this.#timer !== undefined && gatherMs > 0)) return;
    const inMs = isLazy ? gatherMs : this.#flushedMs + gatherMs - performance.now();
    if (gatherMs === 0 || inMs <= 0) this.#immediate = setImmediate(() => this.#now());
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
