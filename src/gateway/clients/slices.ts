/** How long the event loop is held up at a time, in milliseconds. */
const sliceMs = 2;
/** The least time that one gets before the next one's turn, where several have something to do. In milliseconds. */
const runMsMin = 0.5;

/** Something that has much to do, in parts. */
export interface Task {
  /**
   * Does some of it. It asks for its next turn itself, if there is more to do.
   *
   * @param untilMs when to pause, by `performance.now()`
   */
  run(untilMs: number): void;
}

/**
 * The time that catching up may take of each turn of the event loop, however many have something to do: they take turns in it.
 * So what is live waits for one slice at most.
 */
export class Slices {
  /** The one that waits longest first. */
  readonly #tasks = new Set<Task>();
  #immediate: NodeJS.Immediate | undefined;

  /** It gets a turn. Asking again before that changes nothing. */
  ask(task: Task): void {
    this.#tasks.add(task);
    this.#immediate ??= setImmediate(() => this.#slice());
  }

  forget(task: Task): void {
    this.#tasks.delete(task);
  }

  close(): void {
    clearImmediate(this.#immediate);
    this.#tasks.clear();
  }

  #slice(): void {
    const untilMs = performance.now() + sliceMs;
    // One that asks again comes after the others, perhaps in this slice.
    for (const task of this.#tasks) {
      const nowMs = performance.now();
      if (nowMs >= untilMs) break;
      this.#tasks.delete(task);
      const shareMs = (untilMs - nowMs) / (this.#tasks.size + 1);
      task.run(nowMs + Math.max(runMsMin, shareMs));
    }
    this.#immediate = this.#tasks.size === 0 ? undefined : setImmediate(() => this.#slice());
  }
}
