import type { Attendee, ClientScan } from "../events/attendance.ts";
import type { LoopTime, Task } from "../ops/loop-time.ts";
import { TurnBudget } from "../ops/turn-budget.ts";

/** After how many clients the clock is read, which takes longer than to scan one. */
const clockEach = 16;

/** A scan of all clients that exist when it begins. If there are many, it takes several turns of the event loop, in which clients may leave. */
export class ScanByTurns implements ClientScan, Task {
  readonly #loop: LoopTime;
  readonly #budget: TurnBudget;
  readonly #see: (client: Attendee) => void;
  readonly #onDone: () => void;
  /** The clients that are not scanned yet. */
  readonly #ahead: Set<Attendee>;
  #tookMs = 0;

  /**
   * @param all the clients to scan; the set is changed
   * @param see called with each client, from the next turn on
   * @param onDone called after the last one
   */
  constructor(loop: LoopTime, all: Set<Attendee>, see: (client: Attendee) => void, onDone: () => void) {
    this.#loop = loop;
    this.#budget = new TurnBudget(loop, Number.POSITIVE_INFINITY, clockEach);
    this.#ahead = all;
    this.#see = see;
    this.#onDone = onDone;
    loop.ask(this);
  }

  get tookMs(): number {
    return this.#tookMs;
  }

  isAheadOf(client: Attendee): boolean {
    return this.#ahead.has(client);
  }

  leaveOut(client: Attendee): void {
    this.#ahead.delete(client);
  }

  run(untilMs: number): void {
    const { now } = this.#loop;
    const beganMs = now();
    this.#budget.start(untilMs);
    for (const client of this.#ahead) {
      this.#ahead.delete(client);
      this.#see(client);
      if (!this.#budget.goesOn()) break;
    }
    this.#tookMs += now() - beganMs;
    if (this.#ahead.size > 0) this.#loop.ask(this);
    else this.#onDone();
  }

  stop(): void {
    this.#loop.forget(this);
  }
}
