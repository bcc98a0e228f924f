import type { LogRecord } from "../../log/record.ts";
import { type DurableSubscription, isPosition } from "./subscription.ts";

/** Subscriptions of a reading whose clients know what they saw at their places: it has to be there, or it is another log. */
export class Unproven {
  /** The one with the lowest place last. */
  readonly #all: {
    readonly subscription: DurableSubscription;
    readonly offset: number;
    readonly fingerprint: string;
  }[] = [];

  /** One that knows nothing of its place need not be proven. */
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
   * Takes out those whose places the reading has come to with this record, or left behind. Returns those that saw something else there. What
   * they saw may also be what the log has dropped since: in either case they begin with the oldest that it has.
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
