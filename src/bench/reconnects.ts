import type { Fleet } from "./fleet.ts";
import { Histogram } from "./histogram.ts";
import type { Plan } from "./plan.ts";

/** A timer is not asked to be finer than this; what is due in between is done together. */
const tickMsMin = 5;

/**
 * Cuts off one receiving client after the other, without a goodbye, and connects it again at once, to go on after the
 * last message that it got. What it gets twice, or not at all, shows in the account like any other fault.
 */
export class Reconnects {
  readonly #plan: Plan;
  readonly #fleet: Fleet;
  /** The time from the cut until its subscription is in force again. */
  readonly resumed = new Histogram();
  failed = 0;
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #startMs = 0;
  #cuts = 0;
  #next = 0;

  constructor(plan: Plan, fleet: Fleet) {
    this.#plan = plan;
    this.#fleet = fleet;
  }

  start(): void {
    const { reconnectEveryMs } = this.#plan;
    if (reconnectEveryMs === undefined) return;
    this.#startMs = performance.now();
    this.#timer = setInterval(() => this.#cutDue(reconnectEveryMs), Math.max(tickMsMin, reconnectEveryMs));
  }

  /** Resolves when all clients are back, or have failed to come back. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  #cutDue(everyMs: number): void {
    const due = Math.floor((performance.now() - this.#startMs) / everyMs);
    // Not more than all in one go, however long the event loop was held up.
    const cuts = Math.min(due - this.#cuts, this.#plan.clients);
    this.#cuts = due;
    for (let i = 0; i < cuts; i++) this.#cutOne();
  }

  #cutOne(): void {
    const client = this.#plan.publishers + this.#next;
    this.#next = (this.#next + 1) % this.#plan.clients;
    const resuming = this.#fleet.resume(client);
    if (resuming === undefined) return;
    const cutNanos = Bun.nanoseconds();
    const done = resuming
      .then((isBack) => {
        if (isBack) this.resumed.record((Bun.nanoseconds() - cutNanos) / 1000);
        else this.failed++;
      })
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }
}
