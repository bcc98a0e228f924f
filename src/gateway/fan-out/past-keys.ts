/**
 * Tracks whether the idempotency keys from before this manager's start are known. They are read from the log. Messages with a key have to
 * wait meanwhile, since each may repeat an earlier message.
 */
export class PastKeys {
  #isKnown = true;
  #deadlineMs = 0;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Whether all keys are known, so that nothing needs to wait. */
  get areKnown(): boolean {
    return this.#isKnown;
  }

  /** Keys are going to be read. Messages with a key wait until `known` is called, or for this long from now, in milliseconds. */
  expect(withinMs: number): void {
    this.#isKnown = false;
    this.#deadlineMs = performance.now() + withinMs;
    this.#stopTimer();
    if (this.#waiting.length > 0) this.#startTimer();
  }

  /** All keys that can be read were read. */
  known(): void {
    this.#isKnown = true;
    this.#stopTimer();
    for (const then of this.#waiting.splice(0)) then();
  }

  /**
   * Whether a message with a key has to wait.
   *
   * @param then called once, when the keys are known, if it has to
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
