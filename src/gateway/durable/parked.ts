import type { DurableSubscription } from "./subscription.ts";

/** How often all are looked at. In milliseconds. */
const lookEveryMs = 250;

/**
 * Durable subscriptions whose clients have to read first, and the record in memory that each goes on with.
 *
 * Bun tells when a client has read what waited for it, but not always: where a ping took that along, a thousand slow clients had some dozens
 * of which nothing was heard any more. So all that are here are looked at now and again, too.
 */
export class Parked {
  /** The number of each subscription's record; undefined: its place is to be found anew. */
  readonly #all = new Map<DurableSubscription, number | undefined>();

  readonly #onRoom: (subscription: DurableSubscription) => void;
  #looking: NodeJS.Timeout | undefined;

  /** @param onRoom called when there is room for one of which Bun has told nothing */
  constructor(onRoom: (subscription: DurableSubscription) => void) {
    this.#onRoom = onRoom;
  }

  get count(): number {
    return this.#all.size;
  }

  /** @param sequence the number of the record in memory that it goes on with; undefined: its place is to be found anew */
  add(subscription: DurableSubscription, sequence: number | undefined): void {
    this.#all.set(subscription, sequence);
    this.#looking ??= setInterval(() => this.#look(), lookEveryMs);
    subscription.awaitRoom();
  }

  /** Takes it out, and returns the number of its record. */
  take(subscription: DurableSubscription): number | undefined {
    const sequence = this.#all.get(subscription);
    this.#all.delete(subscription);
    if (this.#all.size === 0) this.close();
    return sequence;
  }

  /** What comes next does not follow on what came: the number that one goes on with may be that of what comes next. */
  missed(isAnotherLog: boolean): void {
    for (const subscription of this.#all.keys()) {
      if (isAnotherLog) subscription.forgetPlace();
      this.#all.set(subscription, undefined);
    }
  }

  close(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #look(): void {
    for (const subscription of this.#all.keys()) if (subscription.isDrained) this.#onRoom(subscription);
  }
}
