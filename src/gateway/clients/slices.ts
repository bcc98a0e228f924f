import { LoopTime, runByTurns, type Task } from "../../ops/loop-time.ts";

/** How much of a turn of the event loop is theirs at most, in milliseconds. */
const sliceMs = 2;

/**
 * The time that catching up may take of each turn of the event loop, however many have something to do: they take turns in it, and are
 * one task together. So what is live waits for one slice at most.
 */
export class Slices implements Task {
  readonly #loop: LoopTime;
  /** The one that waits longest first. */
  readonly #tasks = new Set<Task>();

  constructor(loop = new LoopTime()) {
    this.#loop = loop;
  }

  /** It gets a turn. Asking again before that changes nothing. */
  ask(task: Task): void {
    this.#tasks.add(task);
    this.#loop.ask(this);
  }

  /** It gets no turn any more. */
  forget(task: Task): void {
    this.#tasks.delete(task);
  }

  /** Nobody gets a turn any more. */
  close(): void {
    this.#tasks.clear();
    this.#loop.forget(this);
  }

  run(loopUntilMs: number): void {
    const { now } = this.#loop;
    // One that asks again may get another turn in this slice.
    runByTurns(this.#tasks, Number.POSITIVE_INFINITY, Math.min(loopUntilMs, now() + sliceMs), now);
    if (this.#tasks.size > 0) this.#loop.ask(this);
  }
}
