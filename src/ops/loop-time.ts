import { threadCpuMs } from "./thread-cpu.ts";

/** How long a turn of the event loop is to be, with all that is done in it. In milliseconds. */
const turnMs = 12;
/** What each kind of work gets in a turn at least, however long the turn is already: this part of the time that it may take at most. */
const leastShare = 0.4;
/** For how long input is handled as it comes, in each turn of the event loop: clients' messages and HTTP requests together. In milliseconds. */
const directMs = 4;
/** For how long tasks run at the end of each turn, all together. In milliseconds. */
const tasksMs = 5;
/** The least time that a task gets in its turn. In milliseconds. */
const runMsMin = 0.5;

/** Work that is done in parts. */
export interface Task {
  /**
   * Does a part of the work. If there is more to do, it asks for its next turn itself.
   *
   * @param untilMs when to pause, by `performance.now()`
   */
  run(untilMs: number): void;
}

/**
 * Shares out the time of each turn of the event loop among everything that clients can cause much of. Input is handled as it comes for the
 * first few milliseconds. What takes longer is a task, and at the turn's end all tasks share some more time, in turns. So many kinds of
 * costly work do not make a turn longer than one kind, and everything makes progress.
 *
 * All goes by the clock. Where other processes take the core in the middle of a turn, what comes after that in this turn gets less time, so
 * that the wait is not added to a whole turn's work.
 */
export class LoopTime {
  readonly now: () => number;
  /** The CPU time that this thread has taken, in milliseconds. Unlike the clock it does not count while other processes have the core. */
  readonly worked: () => number;
  /** The task that has waited longest comes first. */
  readonly #tasks = new Set<Task>();
  #end: NodeJS.Immediate | undefined;
  /** When the current turn is to be over. Undefined before anything was done in it. */
  #turnUntilMs: number | undefined;
  #directUntilMs: number | undefined;

  /** The number of the current turn of the event loop, counting only those in which there was something to do. */
  turn = 0;

  /**
   * @param now the time in milliseconds
   * @param worked the CPU time in milliseconds; the same as the time if only that is given
   */
  constructor(now?: () => number, worked = now ?? threadCpuMs) {
    this.now = now ?? (() => performance.now());
    this.worked = worked;
  }

  /** Input has come. Returns until when it is handled as it comes, in this turn. */
  begin(): number {
    this.#directUntilMs ??= this.share(directMs);
    this.#awaitEnd();
    return this.#directUntilMs;
  }

  /**
   * Work of some kind is about to be done. Returns when it has to pause until the next turn, so that this one does not become too long with
   * all that was done in it before.
   *
   * @param mostMs for how long it may go on at most
   */
  share(mostMs: number): number {
    const nowMs = this.now();
    let untilMs = this.#turnUntilMs;
    // While there is neither input nor a task, nothing tells of a turn's end: to be told each time would cost as much as a small read.
    if (untilMs === undefined || (this.#end === undefined && nowMs >= untilMs))
      untilMs = this.#turnUntilMs = nowMs + turnMs;
    return Math.min(nowMs + mostMs, Math.max(nowMs + leastShare * mostMs, untilMs));
  }

  /** Gives the task a turn. Asking again before that changes nothing. */
  ask(task: Task): void {
    this.#tasks.add(task);
    this.#awaitEnd();
  }

  /** Cancels the task's turn. */
  forget(task: Task): void {
    this.#tasks.delete(task);
  }

  #awaitEnd(): void {
    if (this.#end !== undefined) return;
    // What began the last turn may have been long ago.
    this.share(0);
    this.#end = setImmediate(this.#runTasks);
  }

  readonly #runTasks = (): void => {
    // A task that asks again gets the next turn.
    runByTurns(this.#tasks, this.#tasks.size, this.share(tasksMs), this.now);
    this.turn++;
    this.#directUntilMs = undefined;
    this.#turnUntilMs = undefined;
    this.#end = this.#tasks.size === 0 ? undefined : setImmediate(this.#runTasks);
  };
}

/**
 * Runs tasks in order, each for its part of the remaining time. Tasks for which there is no time keep their place, and those that ask again
 * come after them.
 *
 * @param runsMax how many tasks may run
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
