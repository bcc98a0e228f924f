/**
 * Whether the idempotency keys of the time before this manager's start are known. They are read from the log, and what comes with a
 * key meanwhile waits: it may be the same as a message of before.
 */
export class PastKeys {
  #isKnown = true;
  #deadlineMs = 0;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Whether there is nothing to wait for. */
  get areKnown(): boolean {
    return this.#isKnown;
  }

  /** They are still to be learnt. What has a key waits for them until `known`, or for this long from now, in milliseconds. */
  follow(withinMs: number): void {
    this.#isKnown = false;
    this.#deadlineMs = performance.now() + withinMs;
    this.#stopTimer();
    if (this.#waiting.length > 0) this.#startTimer();
  }

  /** All are known that will ever be. */
  known(): void {
    this.#isKnown = true;
    this.#stopTimer();
    for (const then of this.#waiting.splice(0)) then();
  }

  /**
   * Whether what has a key has to wait.
   *
   * @param then called later, once, if it has to
   */
  waits(then: () => void): boolean {
    if (this.#isKnown) return false;
    if (performance.now() >= this.#deadlineMs) {
      this.known();
      return false;
    }
    this.#waiting.push(then);
    this.#startTimer();
    return true;
  }

  #startTimer(): void {
    this.#timer ??= setTimeout(() => this.known(), Math.max(0, this.#deadlineMs - performance.now()));
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
