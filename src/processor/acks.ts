import type { ConsumeSession } from "../broker/broker.ts";

/** After this time in which nothing more comes, done deliveries are acknowledged even if an earlier one is not done. In milliseconds. */
const shortMs = 20;

/**
 * Tracks the deliveries of one session: which are open, and how many more the broker may send.
 *
 * It sends as few acks as possible: one for each turn of the event loop, for all deliveries before the first that is not done. A slow
 * delivery does not starve the others: when too many after it are done, these are acknowledged one by one.
 */
export class Acks {
  readonly #session: ConsumeSession;
  /**
   * The message ids of the deliveries that are not done, by tag, in order. A map frees each entry when it is done. A window of tags
   * (`TagWindow`) would keep the places of all deliveries that come after a slow one.
   */
  readonly #open = new Map<number, string | undefined>();
  /** Deliveries that are done but not acknowledged. */
  #done: number[] = [];
  #lastTag = 0;
  #granted: number;
  /** The last tag when deliveries were last granted, and how many of those granted are not done. */
  #grantedAfter = 0;
  #openOfGranted = 0;
  #flushImmediate: NodeJS.Immediate | undefined;
  #shortTimer: NodeJS.Timeout | undefined;

  /** @param prefetch how many deliveries the session begins with */
  constructor(session: ConsumeSession, prefetch: number) {
    this.#session = session;
    this.#granted = prefetch;
  }

  /** How many deliveries are not done. */
  get open(): number {
    return this.#open.size;
  }

  /** The message ids of the deliveries that are not done. */
  get openIds(): Iterable<string | undefined> {
    return this.#open.values();
  }

  /** How many deliveries were granted last. */
  get granted(): number {
    return this.#granted;
  }

  /** Whether this part of what was granted is used up. After all of it (1), the broker sends nothing more until something is done. */
  isUsedUp(part: number): boolean {
    return this.#openOfGranted >= this.#granted * part;
  }

  /** Lets the broker send `count` deliveries more than are open; see `ConsumeSession.take`. */
  take(count: number): void {
    this.#granted = count;
    this.#grantedAfter = this.#lastTag;
    this.#openOfGranted = 0;
    this.#session.take(count);
  }

  /** A delivery has come. Call it for each, in order. */
  delivered(tag: number, id?: string): void {
    if (tag !== this.#lastTag + 1)
      throw new RangeError(`delivery tag ${tag} where ${this.#lastTag + 1} was due`);
    this.#lastTag = tag;
    this.#open.set(tag, id);
    this.#openOfGranted++;
    this.#watchShortage();
  }

  /** A delivery is done, and may be acknowledged. */
  done(tag: number): void {
    if (!this.#open.delete(tag)) return;
    if (tag > this.#grantedAfter) this.#openOfGranted--;
    this.#done.push(tag);
    this.#flushImmediate ??= setImmediate(() => this.flush());
  }

  /** Acknowledges what is done. */
  flush(): void {
    clearImmediate(this.#flushImmediate);
    this.#flushImmediate = undefined;
    const left = this.#ackPrefix();
    if (left >= this.#granted / 2) this.#ackSingly();
    else this.#watchShortage();
  }

  /** Acknowledges everything that is done, one by one if need be. Call it when no more deliveries will be done in this session. */
  finish(): void {
    this.flush();
    this.#ackSingly();
  }

  /** Called when the broker sends nothing more before an ack: the slow delivery may be done in a moment, or take long. */
  #watchShortage(): void {
    if (this.#done.length === 0 || this.#openOfGranted + this.#done.length < this.#granted) return;
    this.#shortTimer ??= setTimeout(() => this.#ackSingly(), shortMs);
  }

  /** How many deliveries remain that are done, after one that is not. */
  #ackPrefix(): number {
    const firstOpen = this.#open.keys().next().value ?? this.#lastTag + 1;
    // RabbitMQ refuses a tag that was acknowledged before, so the ack has to name a tag that was not.
    let last = 0;
    for (const tag of this.#done) if (tag < firstOpen && tag > last) last = tag;
    if (last === 0) return this.#done.length;
    this.#session.ack(last, true);
    this.#done = last === this.#lastTag ? [] : this.#done.filter((tag) => tag > firstOpen);
    return this.#done.length;
  }

  /** Stops the timers. What is done but not acknowledged stays so. */
  close(): void {
    clearImmediate(this.#flushImmediate);
    clearTimeout(this.#shortTimer);
  }

  #ackSingly(): void {
    clearTimeout(this.#shortTimer);
    this.#shortTimer = undefined;
    for (const tag of this.#done.toSorted((one, other) => one - other)) this.#session.ack(tag, false);
    this.#done = [];
  }
}
