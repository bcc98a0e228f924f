/** For how long sweeps that have far to go pause at most. In milliseconds. */
const pauseMsMax = 50;

/**
 * Lets a sweep that has a short way get its first record before those that have far to go read on: what is on its way to them, and the time
 * that they take of the event loop, would come before it. They pause until then, for a limited time, and not again before as much time has
 * passed as they have paused. So they have at least half of their speed, however often others come.
 *
 * @typeParam Sweep only its identity counts
 */
export class Precedence<Sweep> {
  readonly #now: () => number;
  readonly #resume: () => void;
  /** Those that have got no record yet. */
  readonly #beginning = new Set<Sweep>();
  #pausedAtMs: number | undefined;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param resume called when those that pause may go on
   * @param now the time in milliseconds
   */
  constructor(resume: () => void, now = () => performance.now()) {
    this.#resume = resume;
    this.#now = now;
  }

  /** Whether those that have far to go pause. */
  get isPaused(): boolean {
    return this.#pausedAtMs !== undefined;
  }

  /** A sweep with a short way begins. */
  begins(sweep: Sweep): void {
    this.#beginning.add(sweep);
    const nowMs = this.#now();
    if (this.isPaused || nowMs < this.#notBeforeMs) return;
    this.#pausedAtMs = nowMs;
    this.#timer = setTimeout(() => this.#goOn(), pauseMsMax);
  }

  /** It has handled its first record, or has ended. */
  hasBegun(sweep: Sweep): void {
    if (this.#beginning.delete(sweep) && this.#beginning.size === 0) this.#goOn();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#beginning.clear();
    this.#pausedAtMs = undefined;
  }

  #goOn(): void {
    clearTimeout(this.#timer);
    if (this.#pausedAtMs === undefined) return;
    const nowMs = this.#now();
    this.#notBeforeMs = nowMs + (nowMs - this.#pausedAtMs);
    this.#pausedAtMs = undefined;
    this.#resume();
  }
}
