/** How long what comes is obeyed as it comes, in each turn of the event loop: clients' input and HTTP requests together. In milliseconds. */
const directMs = 4;
/** How long all tasks together are run at the end of each turn. In milliseconds. */
const tasksMs = 5;
/** The least time that a task gets before the next one's turn. In milliseconds. */
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
 * The time of each turn of the event loop, for all that strangers can make much of: what comes is obeyed at once for the first few
 * milliseconds, and what takes longer is a task, of which all kinds share some more at the turn's end, by turns. So a turn is no
 * longer for many kinds of costly work than it is for one, and everything goes on.
 */
export class LoopTime {
  readonly now: () => number;
  /** The one that waits longest first. */
  readonly #tasks = new Set<Task>();
  #end: NodeJS.Immediate | undefined;
  #directUntilMs: number | undefined;

  /** Which turn of the event loop this is, of those in which there was something to do. */
  turn = 0;

  /** @param now the time in milliseconds */
  constructor(now = () => performance.now()) {
    this.now = now;
  }

  /** Something has come. Returns until when it is obeyed as it comes, in this turn. */
  begin(): number {
    this.#end ??= setImmediate(this.#runTasks);
    this.#directUntilMs ??= this.now() + directMs;
    return this.#directUntilMs;
  }

  /** It gets a turn. Asking again before that changes nothing. */
  ask(task: Task): void {
    this.#tasks.add(task);
    this.#end ??= setImmediate(this.#runTasks);
  }

  /** It gets no turn any more. */
  forget(task: Task): void {
    this.#tasks.delete(task);
  }

  readonly #runTasks = (): void => {
    // One that asks again gets the next turn.
    runByTurns(this.#tasks, this.#tasks.size, this.now() + tasksMs, this.now);
    this.turn++;
    this.#directUntilMs = undefined;
    this.#end = this.#tasks.size === 0 ? undefined : setImmediate(this.#runTasks);
  };
}

/**
 * Runs tasks, the first one first, each of which gets its part of the time that is left. Those for which there is none stay where they
 * are, and those that ask again come after them.
 *
 * @param runsMax how many may be run
 * @param now the time in milliseconds
 */
export function runByTurns(tasks: Set<Task>, runsMax: number, untilMs: number, now: () => number): void {
  let runs = 0;
  for (const task of tasks) {
    const nowMs = now();
    if (nowMs >= untilMs || runs++ >= runsMax) return;
    tasks.delete(task);
    const shareMs = (untilMs - nowMs) / (Math.min(tasks.size, runsMax - runs) + 1);
    task.run(nowMs + Math.max(runMsMin, shareMs));
  }
}
