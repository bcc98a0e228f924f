import type { DurableSubscription } from "./subscription.ts";

/** Durable subscriptions whose clients have to read first, and the record in memory that each goes on with. */
export class Parked {
  /** By subscription, the number of its record; undefined: its place is to be found anew. */
  readonly #all = new Map<DurableSubscription, number | undefined>();

  get count(): number {
    return this.#all.size;
  }

  /** @param sequence the number of the record in memory that it goes on with; undefined: its place is to be found anew */
  add(subscription: DurableSubscription, sequence: number | undefined): void {
    this.#all.set(subscription, sequence);
    subscription.awaitRoom();
  }

  /** Takes it out, and returns the number of its record. */
  take(subscription: DurableSubscription): number | undefined {
    const sequence = this.#all.get(subscription);
    this.#all.delete(subscription);
    return sequence;
  }

  /** What comes next does not follow on what came: the number that one goes on with may be that of what comes next. */
  missed(isAnotherLog: boolean): void {
    for (const subscription of this.#all.keys()) {
      if (isAnotherLog) subscription.forgetPlace();
      this.#all.set(subscription, undefined);
    }
  }
}
