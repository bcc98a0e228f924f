import type { DurableSubscription } from "./subscription.ts";

/** How often all parked subscriptions are checked. In milliseconds. */
const lookEveryMs = 250;

/**
 * Durable subscriptions whose clients have to read first, each with the record in memory that it goes on with.
 *
 * Bun tells when a client has read what waited for it, but not always: among a thousand slow clients there were some dozens of which it
 * told nothing, because a ping had flushed what waited. So all parked subscriptions are also checked now and then.
 */
export class Parked {
  /** The sequence number of each subscription's next record; undefined: its place has to be located again. */
  readonly #all = new Map<DurableSubscription, number | undefined>();

  readonly #onRoom: (subscription: DurableSubscription) => void;
  #looking: NodeJS.Timeout | undefined;

  /** @param onRoom called when there is room for a subscription of which Bun has told nothing */
  constructor(onRoom: (subscription: DurableSubscription) => void) {
    this.#onRoom = onRoom;
  }

  get count(): number {
    return this.#all.size;
  }

  /** @param sequence the number of the record in memory that it goes on with; undefined: its place has to be located again */
  add(subscription: DurableSubscription, sequence: number | undefined): void {
    this.#all.set(subscription, sequence);
    this.#looking ??= setInterval(() => this.#look(), lookEveryMs);
    subscription.awaitRoom();
  }

  /** Removes it, and returns its record's number. */
  take(subscription: DurableSubscription): number | undefined {
    const sequence = this.#all.get(subscription);
    this.#all.delete(subscription);
    if (this.#all.size === 0) this.close();
    return sequence;
  }

  /** The next record does not follow directly on the last one, so the sequence numbers that subscriptions go on with may be wrong. */
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
