import { Deque } from "../collections/deque.ts";

/** One piece of work. It settles when the next task of its lane may begin, and never rejects. */
export type Task = (place: Place) => void | Promise<void>;

/** A task's place among those that run. */
export interface Place {
  /** Waits, in milliseconds. Other lanes may use the place meanwhile; the task's own lane waits with it. */
  pause(ms: number): Promise<void>;
  /** Waits until the promise settles. Other lanes may use the place meanwhile. */
  leaveUntil(settled: Promise<unknown>): Promise<void>;
  /** Counts work that goes on after the task, until the promise settles or `LaneLimits.keepMs` is over; see `LaneLimits.outlivingMax`. */
  keepUntil(settled: Promise<unknown>): void;
}

/** How much may run and wait. */
export interface LaneLimits {
  /** How many tasks may run at once, in all lanes together. */
  readonly concurrency: number;
  /** How many tasks of one lane may wait before the others are counted as its backlog. */
  readonly share: number;
  /** How much work may outlive its task beside `concurrency`. More than that takes places of other tasks. */
  readonly outlivingMax: number;
  /** How long work that outlives its task is counted if it does not settle, in milliseconds. */
  readonly keepMs: number;
  /**
   * For how many milliseconds synchronous tasks may occupy the event loop. After that, first everything else is served, and then the other
   * lanes.
   */
  readonly turnMs: number;
}

/**
 * Runs tasks of different lanes side by side, up to `concurrency` of them, and those of one lane one after another. Lanes take turns, so
 * that a busy one does not delay the others.
 *
 * A task that returns no promise is done at once: a synchronous handler costs no promise and no queue.
 */
export class Lanes {
  readonly #limits: LaneLimits;
  /** The tasks that wait, of each lane that has one running. */
  readonly #busy = new Map<string, Deque<Task>>();
  /** Lanes without a running task whose tasks wait for one of the `concurrency` places, in order. */
  readonly #ready = new Deque<string>();
  /** Tasks whose pause is over and that wait for a place. They come before those that have not begun. */
  readonly #returning = new Deque<() => void>();
  readonly #keepTimers = new Set<NodeJS.Timeout>();
  /** How many places are taken. */
  #running = 0;
  #pausing = 0;
  /** How much work outlives its task and is counted. */
  #outliving = 0;
  #backlog = 0;
  #turnEndsAt = 0;
  #turnImmediate: NodeJS.Immediate | undefined;

  /** Called when work outlives its task, and when it is no longer counted although it has not settled; with how much is counted. */
  onOutliving: (outliving: number, why: "begins" | "given up") => void = () => undefined;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** How many tasks have begun and are not done, including those that pause. */
  get running(): number {
    return this.#running + this.#pausing;
  }

  /** How many tasks wait in lanes beyond each lane's share. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Whether a task that is submitted to this lane now would have to wait for others of it. */
  isBusy(lane: string): boolean {
    return this.#busy.has(lane);
  }

  /** Drops every task that has not begun. */
  abandonWaiting(): void {
    for (let lane = this.#ready.shift(); lane !== undefined; lane = this.#ready.shift())
      this.#busy.delete(lane);
    for (const tasks of this.#busy.values()) while (tasks.shift() !== undefined);
    this.#backlog = 0;
  }

  submit(lane: string, task: Task): void {
    const waiting = this.#busy.get(lane);
    if (waiting !== undefined) {
      waiting.push(task);
      if (waiting.length > this.#limits.share) this.#backlog++;
      return;
    }
    if (this.#isFull || !this.#hasTime()) {
      const tasks = new Deque<Task>();
      tasks.push(task);
      this.#busy.set(lane, tasks);
      this.#ready.push(lane);
      return;
    }
    this.#begin(lane, task);
  }

  /** Stops the timers. */
  close(): void {
    for (const timer of this.#keepTimers) clearTimeout(timer);
    clearImmediate(this.#turnImmediate);
  }

  get #isFull(): boolean {
    const { concurrency, outlivingMax } = this.#limits;
    return this.#running + Math.max(0, this.#outliving - outlivingMax) >= concurrency;
  }

  /** Whether tasks may still begin in this turn of the event loop. The others begin in the next one. */
  #hasTime(): boolean {
    const now = performance.now();
    if (this.#turnImmediate !== undefined) return now < this.#turnEndsAt;
    this.#turnEndsAt = now + this.#limits.turnMs;
    this.#turnImmediate = setImmediate(() => {
      // If tasks took all of the time, leave one more turn to the sockets, by which the other lanes' tasks come.
      if (performance.now() < this.#turnEndsAt) this.#nextTurn();
      else this.#turnImmediate = setImmediate(() => this.#nextTurn());
    });
    return true;
  }

  #nextTurn(): void {
    this.#turnImmediate = undefined;
    if (this.#ready.length > 0 || this.#returning.length > 0) this.#fill();
  }

  #begin(lane: string, task: Task): void {
    const promise = task(this.#place);
    if (promise === undefined) return;
    this.#running++;
    if (!this.#busy.has(lane)) this.#busy.set(lane, new Deque());
    promise.then(
      () => this.#done(lane),
      () => this.#done(lane),
    );
  }

  /** A lane with more tasks goes to the end of the queue, so that a busy client does not keep its place. */
  #done(lane: string): void {
    this.#running--;
    if (this.#busy.get(lane)!.length > 0) this.#ready.push(lane);
    else this.#busy.delete(lane);
    this.#fill();
  }

  #fill(): void {
    while (!this.#isFull) {
      const resume = this.#returning.shift();
      if (resume !== undefined) {
        resume();
        continue;
      }
      if (this.#ready.length === 0 || !this.#hasTime()) break;
      this.#advance(this.#ready.shift()!);
    }
  }

  /** Runs the waiting tasks of a lane until one of them is asynchronous, the turn is over, or none is left. */
  #advance(lane: string): void {
    const tasks = this.#busy.get(lane)!;
    const before = this.#running;
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      if (tasks.length >= this.#limits.share) this.#backlog--;
      this.#begin(lane, task);
      if (this.#running > before) return;
      if (tasks.length > 0 && !this.#hasTime()) {
        this.#ready.push(lane);
        return;
      }
    }
    this.#busy.delete(lane);
  }

  readonly #place: Place = {
    pause: (ms) => this.#leaveUntil(() => Bun.sleep(ms)),
    leaveUntil: (settled) => this.#leaveUntil(() => settled),
    keepUntil: (settled) => this.#keepUntil(settled),
  };

  async #leaveUntil(settled: () => Promise<unknown>): Promise<void> {
    // A task may call this before its first await, when its place is not counted yet.
    await Promise.resolve();
    this.#running--;
    this.#pausing++;
    this.#fill();
    await settled().catch(() => undefined);
    const hasPlace = Promise.withResolvers<void>();
    this.#returning.push(() => {
      this.#pausing--;
      this.#running++;
      hasPlace.resolve();
    });
    this.#fill();
    await hasPlace.promise;
  }

  #keepUntil(settled: Promise<unknown>): void {
    this.#outliving++;
    this.onOutliving(this.#outliving, "begins");
    const end = (why?: "given up") => {
      if (!this.#keepTimers.delete(timer)) return;
      clearTimeout(timer);
      this.#outliving--;
      if (why !== undefined) this.onOutliving(this.#outliving, why);
      this.#fill();
    };
    const timer = setTimeout(() => end("given up"), this.#limits.keepMs);
    this.#keepTimers.add(timer);
    settled.then(
      () => end(),
      () => end(),
    );
  }
}
