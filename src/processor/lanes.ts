import { Deque } from "../collections/deque.ts";

/** One piece of work; it settles when the next one of its lane may begin. It never rejects. */
export type Task = (place: Place) => void | Promise<void>;

/** What a task may do with its place among those that run. */
export interface Place {
  /** Waits, in milliseconds, and lets other lanes have the place meanwhile. The task's own lane waits with it. */
  pause(ms: number): Promise<void>;
  /** Waits until `settled` is, and lets other lanes have the place meanwhile. */
  leaveUntil(settled: Promise<unknown>): Promise<void>;
  /** What it began goes on, whatever becomes of the task, until `settled` is, or has not been for long: see `LaneLimits.outlivingMax`. */
  keepUntil(settled: Promise<unknown>): void;
}

/** What may run and wait. */
export interface LaneLimits {
  /** Tasks that run at once, in all lanes. */
  readonly concurrency: number;
  /** Tasks of one lane that may wait before the others are counted as its backlog. */
  readonly share: number;
  /** What outlived its task goes on beside `concurrency` up to this number, and what is more takes places of others. */
  readonly outlivingMax: number;
  /** How long what outlived its task counts if it does not settle, in milliseconds. */
  readonly keepMs: number;
  /**
   * Tasks that return no promise occupy the event loop: after this many milliseconds of them, what else it has to do comes first,
   * and then the other lanes.
   */
  readonly turnMs: number;
}

/**
 * Runs tasks of different lanes side by side, up to `concurrency` of them, and those of one lane one after another. Lanes take
 * turns, so that one that has much to do does not delay the others.
 *
 * A task that returns no promise is done at once: a synchronous handler costs no promise and no queue.
 */
export class Lanes {
  readonly #limits: LaneLimits;
  /** The tasks that wait, of each lane that has one running. */
  readonly #busy = new Map<string, Deque<Task>>();
  /** Lanes without a running task whose tasks wait for one of the `concurrency` places, in order. */
  readonly #ready = new Deque<string>();
  /** Tasks whose pause is over and that wait for a place; they come before those that have not begun. */
  readonly #returning = new Deque<() => void>();
  readonly #keepTimers = new Set<NodeJS.Timeout>();
  /** Places taken. */
  #running = 0;
  #pausing = 0;
  /** What outlived its task and counts. */
  #outliving = 0;
  #backlog = 0;
  #turnEndsAt = 0;
  #turnImmediate: NodeJS.Immediate | undefined;

  /** Called when something outlives its task, and when it is not counted any more though it has not settled; with how many count. */
  onOutliving: (outliving: number, why: "begins" | "given up") => void = () => undefined;

  constructor(limits: LaneLimits) {
    this.#limits = limits;
  }

  /** Tasks begun and not done, those that pause among them. */
  get running(): number {
    return this.#running + this.#pausing;
  }

  /** Tasks that wait in lanes beyond each lane's share. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Whether a task that is submitted to this lane now would wait for others of it. */
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

  /** Ends its timers. */
  close(): void {
    for (const timer of this.#keepTimers) clearTimeout(timer);
    clearImmediate(this.#turnImmediate);
  }

  get #isFull(): boolean {
    const { concurrency, outlivingMax } = this.#limits;
    return this.#running + Math.max(0, this.#outliving - outlivingMax) >= concurrency;
  }

  /** Whether this turn of the event loop may go on with tasks. What is left begins in the next one. */
  #hasTime(): boolean {
    const now = performance.now();
    if (this.#turnImmediate !== undefined) return now < this.#turnEndsAt;
    this.#turnEndsAt = now + this.#limits.turnMs;
    this.#turnImmediate = setImmediate(() => {
      // Tasks that took all of the time leave one more turn to the sockets, on which the other lanes' tasks come.
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

  /** A lane that has more goes to the end of the line, so that a busy client does not keep its place. */
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

  /** Runs what waits in a lane until one of its tasks takes time, the turn is over, or none is left. */
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
    // A task may ask for it before its first await, when its place is not taken yet.
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
