/** When an outbox flushes next: at the end of this turn of the event loop, or after a while. */
export class FlushTimer {
  readonly #flush: () => void;
  #immediate: NodeJS.Immediate | undefined;
  #linger: NodeJS.Timeout | undefined;
  /** A recent time, used as the time at which the next message is appended. Undefined: read the clock. */
  #appendedMs: number | undefined;

  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /** @param lingerMs how long messages may go on gathering, unless a flush is due earlier already */
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

  /** The time, in milliseconds. While a flush is scheduled the clock is read only once. */
  nowMs(): number {
    if (this.#immediate === undefined && this.#linger === undefined) return performance.now();
    this.#appendedMs ??= performance.now();
    return this.#appendedMs;
  }
}
