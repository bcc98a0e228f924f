import { LoopTime, runByTurns, type Task } from "../../ops/loop-time.ts";

/** The most that a slice takes of a turn of the event loop, in milliseconds. */
const sliceMs = 2;

/**
 * Shares out the time that catching up may take of each turn of the event loop. However many have something to do, they take turns in it
 * and together are one task. So live traffic waits for one slice at most.
 */
export class Slices implements Task {
  /** The time by which tasks are told when to pause, in milliseconds. */
  readonly now: () => number;
  readonly #loop: LoopTime;
  /** The task that has waited longest comes first. */
  readonly #tasks = new Set<Task>();

  constructor(loop = new LoopTime()) {
    this.now = loop.now;
    this.#loop = loop;
  }

  /** Gives the task a turn. Asking again before that changes nothing. */
  ask(task: Task): void {
    this.#tasks.add(task);
    this.#loop.ask(this);
  }

  /** Cancels the task's turn. */
  forget(task: Task): void {
    this.#tasks.delete(task);
  }

  /** Cancels everybody's turn. */
  close(): void {
    this.#tasks.clear();
    this.#loop.forget(this);
  }

  run(loopUntilMs: number): void {
    const { now } = this;
    // A task that asks again may get another turn in this slice.
    runByTurns(this.#tasks, Number.POSITIVE_INFINITY, Math.min(loopUntilMs, now() + sliceMs), now);
    if (this.#tasks.size > 0) this.#loop.ask(this);
  }
}
