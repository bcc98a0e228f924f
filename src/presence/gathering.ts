/**
 * Gathers changes that are sent together. The first one after a quiet time is sent in the next turn of the event loop; later ones when
 * `gatherMs` have passed.
 */
export class Gathering {
  readonly #gatherMs: number;
  readonly #tell: () => void;
  #toldMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param gatherMs the least time between two sends, in milliseconds
   * @param tell sends the changes
   */
  constructor(gatherMs: number, tell: () => void) {
    this.#gatherMs = gatherMs;
    this.#tell = tell;
  }

  /** There is a change to send. */
  add(): void {
    if (this.#timer !== undefined) return;
    const inMs = this.#toldMs + this.#gatherMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#toldMs = performance.now();
        this.#tell();
      },
      Math.max(0, inMs),
    );
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
