/** How long after the last publish reading does not wait, since an answer may come. In milliseconds. */
const hasteMs = 1000;

/** Tracks whether this process waits for answers: after it has published something, everything is read at once. */
export class Haste {
  #publishedAtMs = Number.NEGATIVE_INFINITY;
  readonly #wakes = new Set<() => void>();

  /** Call this just before publishing. */
  published(): void {
    this.#publishedAtMs = performance.now();
    for (const wake of this.#wakes) wake();
  }

  /** Whether an answer may be on its way at `nowMs`. */
  isOn(nowMs: number): boolean {
    return nowMs - this.#publishedAtMs < hasteMs;
  }

  /** Calls `wake` with each publish. Returns a function that ends this. */
  onPublished(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => void this.#wakes.delete(wake);
  }
}
