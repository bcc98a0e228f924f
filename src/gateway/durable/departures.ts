import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { Members } from "./members.ts";
import type { DurableSubscription } from "./subscription.ts";

/** The subscriptions that read together until now. */
interface Group {
  readonly members: Members;
  onOut: (subscription: DurableSubscription) => void;
}

/**
 * Subscriptions that no longer read together, since their sweep has ended or their walk was cut off. There may be tens of thousands, so they
 * leave by turns.
 */
export class Departures implements Task {
  readonly #slices: Slices;
  readonly #groups: Group[] = [];

  constructor(slices: Slices) {
    this.#slices = slices;
  }

  get count(): number {
    let count = 0;
    for (const { members } of this.#groups) count += members.size;
    return count;
  }

  /** @param onOut called for each of them, unless it is removed before */
  add(members: Members, onOut: (subscription: DurableSubscription) => void): void {
    this.#groups.push({ members, onOut });
    this.#slices.ask(this);
  }

  /** What they were to go on with may be gone. `onOut` is called for all that have yet to leave, in place of what was given before. */
  divert(onOut: (subscription: DurableSubscription) => void): void {
    for (const group of this.#groups) group.onOut = onOut;
  }

  /** Removes and returns all that have yet to leave. */
  takeAll(): DurableSubscription[] {
    return this.#groups.splice(0).flatMap(({ members }) => members.takeAll());
  }

  run(untilMs: number): void {
    for (let first = this.#groups[0]; first !== undefined; first = this.#groups[0]) {
      if (!first.members.letOut(untilMs, first.onOut) || this.#slices.now() >= untilMs) {
        this.#slices.ask(this);
        return;
      }
      this.#groups.shift();
    }
  }
}
