/** How long after the last publish an answer to it may come, for which reading is not to wait. In milliseconds. */
const hasteMs = 1000;

/** Whether a process waits for answers: after it has published something, what comes is read at once. */
export class Haste {
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  readonly #wakes = new Set<() => void>();

  /** Something is about to be published. */
  published(): void {
    this.#publishedAtMs = performance.now();
    for (const wake of this.#wakes) wake();
  }

  /** Whether an answer may be on its way at `nowMs`. */
  isOn(nowMs: number): boolean {
    return nowMs - this.#publishedAtMs < hasteMs;
  }

  /** Calls `wake` with each publish. Returns what ends that. */
  onPublished(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => void this.#wakes.delete(wake);
  }
}
