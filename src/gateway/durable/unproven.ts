import type { LogRecord } from "../../log/record.ts";
import { type DurableSubscription, isPosition } from "./subscription.ts";

/** Subscriptions of a reading whose clients know what they saw at their places. If something else is there, it is another log. */
export class Unproven {
  /** Sorted by place, the lowest one last. */
  readonly #all: {
    readonly subscription: DurableSubscription;
    readonly offset: number;
    readonly fingerprint: string;
  }[] = [];

  /** Adds a subscription, unless its place has no fingerprint. */
  add(subscription: DurableSubscription): void {
    const { place } = subscription;
    if (!isPosition(place) || place.fingerprint === undefined) return;
    const { offset, fingerprint } = place;
    let low = 0;
    let high = this.#all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#all[middle]!.offset > offset) low = middle + 1;
      else high = middle;
    }
    this.#all.splice(low, 0, { subscription, offset, fingerprint });
  }

  /**
   * Removes the subscriptions whose places the reading has reached or passed with this record. Returns those that saw something else there.
   * What they saw may also have been dropped from the log; in either case they begin with the oldest record that it has.
   */
  contradictedBy(record: LogRecord): readonly DurableSubscription[] {
    let others: DurableSubscription[] | undefined;
    while ((this.#all.at(-1)?.offset ?? Number.POSITIVE_INFINITY) <= record.offset) {
      const { subscription, offset, fingerprint } = this.#all.pop()!;
      if (offset === record.offset && fingerprint === record.fingerprint) continue;
      others ??= [];
      others.push(subscription);
    }
    return others ?? none;
  }
}

const none: readonly DurableSubscription[] = [];
