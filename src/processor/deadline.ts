/** Thrown if a handler gave no sign of life for too long. */
export class TookTooLong extends Error {
  override readonly name = "TookTooLong";

  constructor(timeoutMs: number) {
    super(`the handler took longer than ${timeoutMs} ms`);
  }
}

/** How long one call of a handler may take between two signs of life. */
export class Deadline {
  readonly #timeoutMs: number;
  readonly #isExcused: () => boolean;
  readonly #onLate: (error: TookTooLong) => void;
  #timer: NodeJS.Timeout | undefined;
  #reject: ((error: TookTooLong) => void) | undefined;

  /**
   * @param isExcused whether the handler waits for others, so that the time does not count
   * @param onLate called when the time is over, before `wait` rejects
   */
  constructor(timeoutMs: number, isExcused: () => boolean, onLate: (error: TookTooLong) => void) {
    this.#timeoutMs = timeoutMs;
    this.#isExcused = isExcused;
    this.#onLate = onLate;
  }

  /**
   * Waits for the handler. Call it again only when it has settled.
   *
   * @throws TookTooLong; otherwise what the promise rejects with
   */
  async wait<T>(settled: PromiseLike<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // `Promise.race` against one long-lived promise would keep every other promise in memory.
    settled.then(resolve, reject);
    this.#reject = reject;
    this.progress();
    try {
      return await promise;
    } finally {
      this.stop();
    }
  }

  /** Starts the time again. */
  progress(): void {
    if (this.#reject === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#late(), this.#timeoutMs);
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#reject = undefined;
  }

  #late(): void {
    if (this.#isExcused()) {
      this.progress();
      return;
    }
    const error = new TookTooLong(this.#timeoutMs);
    const reject = this.#reject;
    this.#onLate(error);
    reject?.(error);
  }
}
