/**
 * Gathers changes that are told together. The first one after a quiet time is told at once, in the next turn of the event loop;
 * those that follow it are told when `gatherMs` have passed since.
 */
export class Gathering {
  readonly #gatherMs: number;
  readonly #tell: () => void;
  #toldMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param gatherMs between two times that something is told, in milliseconds
   * @param tell tells what there is
   */
  constructor(gatherMs: number, tell: () => void) {
    this.#gatherMs = gatherMs;
    this.#tell = tell;
  }

  /** There is something to tell. */
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
