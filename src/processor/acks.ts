import type { ConsumeSession } from "../broker/broker.ts";

/** How long what is done waits for a gap to close when nothing more comes before it is acknowledged, in milliseconds. */
const shortMs = 20;

/**
 * The accounts of one session: which deliveries are open, and how many more the broker may send.
 *
 * It acknowledges in as few acks as possible: once in a turn of the event loop, all up to the first that is not done. One that
 * takes long does not starve the others: when too many are done after it, they are acknowledged one by one.
 */
export class Acks {
  readonly #session: ConsumeSession;
  /**
   * The message ids of the deliveries that are not done, by tag, in order. A map, which forgets what is done: in a window of tags
   * (`TagWindow`) one that takes long would keep the places of all that come and are done after it.
   */
  readonly #open = new Map<number, string | undefined>();
  /** Done and not acknowledged. */
  #done: number[] = [];
  #lastTag = 0;
  #granted: number;
  /** The last tag when that was granted, and how many since then are not done. */
  #grantedAfter = 0;
  #openOfGranted = 0;
  #flushImmediate: NodeJS.Immediate | undefined;
  #shortTimer: NodeJS.Timeout | undefined;

  /** @param prefetch how many deliveries the session begins with */
  constructor(session: ConsumeSession, prefetch: number) {
    this.#session = session;
    this.#granted = prefetch;
  }

  /** Deliveries that are not done. */
  get open(): number {
    return this.#open.size;
  }

  /** The message ids of the deliveries that are not done. */
  get openIds(): Iterable<string | undefined> {
    return this.#open.values();
  }

  /** What was granted last. */
  get granted(): number {
    return this.#granted;
  }

  /** Whether nothing more comes before something that was granted last is done. */
  get isUsedUp(): boolean {
    return this.#openOfGranted >= this.#granted;
  }

  /** Lets the broker send `count` more than are open; see `ConsumeSession.take`. */
  take(count: number): void {
    this.#granted = count;
    this.#grantedAfter = this.#lastTag;
    this.#openOfGranted = 0;
    this.#session.take(count);
  }

  /** Each delivery's tag, in order. */
  delivered(tag: number, id?: string): void {
    if (tag !== this.#lastTag + 1)
      throw new RangeError(`delivery tag ${tag} where ${this.#lastTag + 1} was due`);
    this.#lastTag = tag;
    this.#open.set(tag, id);
    this.#openOfGranted++;
    this.#watchShortage();
  }

  /** The delivery is done with: it may be acknowledged. */
  done(tag: number): void {
    if (!this.#open.delete(tag)) return;
    if (tag > this.#grantedAfter) this.#openOfGranted--;
    this.#done.push(tag);
    this.#flushImmediate ??= setImmediate(() => this.flush());
  }

  /** Acknowledges now what is done. */
  flush(): void {
    clearImmediate(this.#flushImmediate);
    this.#flushImmediate = undefined;
    const left = this.#ackPrefix();
    if (left >= this.#granted / 2) this.#ackSingly();
    else this.#watchShortage();
  }

  /** Acknowledges now all that is done, in a session in which nothing more will be: no gap is going to close. */
  finish(): void {
    this.flush();
    this.#ackSingly();
  }

  /** Where nothing more comes before something is acknowledged: the gap may close in a moment, or stay for long. */
  #watchShortage(): void {
    if (this.#done.length === 0 || this.#openOfGranted + this.#done.length < this.#granted) return;
    this.#shortTimer ??= setTimeout(() => this.#ackSingly(), shortMs);
  }

  /** How many done ones are left, after one that is not. */
  #ackPrefix(): number {
    const firstOpen = this.#open.keys().next().value ?? this.#lastTag + 1;
    // RabbitMQ refuses a tag that it has seen acknowledged: the ack goes to one that is done and was not.
    let last = 0;
    for (const tag of this.#done) if (tag < firstOpen && tag > last) last = tag;
    if (last === 0) return this.#done.length;
    this.#session.ack(last, true);
    this.#done = last === this.#lastTag ? [] : this.#done.filter((tag) => tag > firstOpen);
    return this.#done.length;
  }

  /** Stops its timers; what is done and not acknowledged stays so. */
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
