import type { DurableSubscription } from "./subscription.ts";
import { Wakes } from "./wakes.ts";

/** How often all parked subscriptions are checked. In milliseconds. */
const lookEveryMs = 250;
/** A client that took longer than this to make room is slow: it has tens of kilobytes to read still, and may wait for its turn. In milliseconds. */
const slowMs = 1000;

/** A parked subscription. */
interface Place {
  /** The sequence number of its next record; undefined: its place has to be located again. */
  sequence: number | undefined;
  sinceMs: number;
}

/**
 * Durable subscriptions whose clients have to read first, each with the record in memory that it goes on with.
 *
 * Bun tells when a client has read what waited for it, but not always: among a thousand slow clients there were some dozens of which it
 * told nothing, because a ping had flushed what waited. So all parked subscriptions are also checked now and then.
 */
export class Parked {
  readonly #all = new Map<DurableSubscription, Place>();
  readonly #onRoom: (subscription: DurableSubscription) => void;
  readonly #wakes: Wakes<DurableSubscription>;
  readonly #now: () => number;
  #looking: NodeJS.Timeout | undefined;

  /**
   * @param onRoom called when a subscription may go on
   * @param now the time in milliseconds
   */
  constructor(onRoom: (subscription: DurableSubscription) => void, now = () => performance.now()) {
    this.#onRoom = onRoom;
    this.#wakes = new Wakes((subscription) => this.#takeTurn(subscription));
    this.#now = now;
  }

  get count(): number {
    return this.#all.size;
  }

  /** @param sequence the number of the record in memory that it goes on with; undefined: its place has to be located again */
  add(subscription: DurableSubscription, sequence: number | undefined): void {
    this.#all.set(subscription, { sequence, sinceMs: this.#now() });
    this.#looking ??= setInterval(() => this.#look(), lookEveryMs);
    subscription.awaitRoom();
  }

  /** Its client has read something. If nothing waits for it any more it goes on, at once or soon. */
  drained(subscription: DurableSubscription): void {
    const place = this.#all.get(subscription);
    if (place === undefined) return;
    if (subscription.isDrained && this.#now() - place.sinceMs >= slowMs) this.#wakes.add(subscription);
    else this.#goOn(subscription);
  }

  /** Removes it, and returns its record's number. */
  take(subscription: DurableSubscription): number | undefined {
    const sequence = this.#all.get(subscription)?.sequence;
    this.#all.delete(subscription);
    this.#wakes.delete(subscription);
    if (this.#all.size === 0) this.close();
    return sequence;
  }

  /** The next record does not follow directly on the last one, so the sequence numbers that subscriptions go on with may be wrong. */
  missed(isAnotherLog: boolean): void {
    for (const [subscription, place] of this.#all) {
      if (isAnotherLog) subscription.forgetPlace();
      place.sequence = undefined;
    }
  }

  close(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
    this.#wakes.close();
  }

  #takeTurn(subscription: DurableSubscription): void {
    // The client has had more meanwhile, so it is not slow: next time this one is as quick as the client's other ones.
    if (subscription.isDrained) subscription.wasSlow();
    else this.#all.get(subscription)!.sinceMs = this.#now();
    this.#goOn(subscription);
  }

  #goOn(subscription: DurableSubscription): void {
    if (subscription.isDrained) this.#onRoom(subscription);
    // Another subscription of the client may have taken the room.
    else subscription.awaitRoom();
  }

  #look(): void {
    for (const subscription of this.#all.keys()) if (subscription.isDrained) this.drained(subscription);
  }
}
