/** When an outbox flushes next: at the end of this turn of the event loop, or after a while. */
export class FlushTimer {
  readonly #flush: () => void;
  #immediate: NodeJS.Immediate | undefined;
  #linger: NodeJS.Timeout | undefined;
  /** When what is appended next was appended, or a little before. Undefined: the time has to be taken. */
  #appendedMs: number | undefined;

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /** @param lingerMs how long what waits may go on gathering, unless it is to be flushed earlier already */
  schedule(lingerMs: number): void {
    if (lingerMs > 0) this.#linger ??= setTimeout(this.#flush, lingerMs);
    else this.#immediate ??= setImmediate(this.#flush);
  }

  clear(): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#linger);
    this.#immediate = undefined;
    this.#linger = undefined;
    this.#appendedMs = undefined;
  }

  /** The time, in milliseconds. Where a flush is due it is taken once for all that the flush sends. */
  nowMs(): number {
    if (this.#immediate === undefined && this.#linger === undefined) return performance.now();
    this.#appendedMs ??= performance.now();
    return this.#appendedMs;
  }
}
