import { Deque } from "../broker/deque.ts";

/** One piece of work; it settles when the next one of its lane may begin. It never rejects. */
export type Task = (pause: Pause) => void | Promise<void>;

/** Waits so many milliseconds, and lets other lanes have the place meanwhile. The task's own lane waits with it. */
export type Pause = (ms: number) => Promise<void>;

/**
 * Runs tasks of different lanes side by side, up to `concurrency` of them, and those of one lane one after another.
 *
 * A task that returns no promise is done at once: a synchronous handler costs no promise and no queue.
 */
export class Lanes {
  readonly #concurrency: number;
  /** The tasks that wait, of each lane that has one running. */
  readonly #busy = new Map<string, Deque<Task>>();
  /** Tasks of idle lanes that wait for one of the `concurrency` places, in order. */
  readonly #ready = new Deque<string>();
  /** Tasks whose pause is over and that wait for a place; they come before those that have not begun. */
  readonly #returning = new Deque<() => void>();
  /** Places taken. */
  #running = 0;
  #pausing = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Tasks begun and not done, those that pause among them. */
  get running(): number {
    return this.#running + this.#pausing;
  }

  /** Drops every task that has not begun. */
  abandonWaiting(): void {
    for (let lane = this.#ready.shift(); lane !== undefined; lane = this.#ready.shift())
      this.#busy.delete(lane);
    for (const tasks of this.#busy.values()) while (tasks.shift() !== undefined);
  }

  submit(lane: string, task: Task): void {
    const waiting = this.#busy.get(lane);
    if (waiting !== undefined) {
      waiting.push(task);
      return;
    }
    if (this.#running >= this.#concurrency) {
      const tasks = new Deque<Task>();
      tasks.push(task);
      this.#busy.set(lane, tasks);
      this.#ready.push(lane);
      return;
    }
    this.#begin(lane, task);
  }

  #begin(lane: string, task: Task): void {
    const promise = task(this.#pause);
    if (promise === undefined) return;
    this.#running++;
    if (!this.#busy.has(lane)) this.#busy.set(lane, new Deque());
    promise.then(
      () => this.#done(lane),
      () => this.#done(lane),
    );
  }

  /** A lane that has more goes to the end of the line, so that a busy client does not keep its place. */
  #done(lane: string): void {
    this.#running--;
    if (this.#busy.get(lane)!.length > 0) this.#ready.push(lane);
    else this.#busy.delete(lane);
    this.#fill();
  }

  #fill(): void {
    while (this.#running < this.#concurrency) {
      const resume = this.#returning.shift();
      if (resume !== undefined) {
        resume();
        continue;
      }
      const next = this.#ready.shift();
      if (next === undefined) break;
      this.#advance(next);
    }
  }

  readonly #pause: Pause = async (ms) => {
    // A task may ask for it before its first await, when its place is not taken yet.
    await Promise.resolve();
    this.#running--;
    this.#pausing++;
    this.#fill();
    await Bun.sleep(ms);
    const hasPlace = Promise.withResolvers<void>();
    this.#returning.push(() => {
      this.#pausing--;
      this.#running++;
      hasPlace.resolve();
    });
    this.#fill();
    await hasPlace.promise;
  };

  /** Runs what waits in a lane until one of its tasks takes time, or none is left. */
  #advance(lane: string): void {
    const tasks = this.#busy.get(lane)!;
    const before = this.#running;
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      this.#begin(lane, task);
      if (this.#running > before) return;
    }
    this.#busy.delete(lane);
  }
}
