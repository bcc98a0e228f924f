import type { LogWindow } from "../../log/window.ts";
import type { LoopTime, Task } from "../../ops/loop-time.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Relay } from "../fan-out/relay.ts";
import { EndSubscriptions } from "./end-subscriptions.ts";
import { Publication, type PublicationParts } from "./publication.ts";
import type { DurableSubscription } from "./subscription.ts";

/**
 * How much is published as records come, and how much at the end of a turn of the event loop, to audiences and single clients together. Each
 * publish takes a microsecond, and up to five more at the end of the turn, when Bun sends it.
 *
 * The clock does not count: a burst of messages for hundreds of clients takes longer than a task may, but what is published in one turn
 * is one write to each client. In several turns it took a third more CPU time.
 */
const publishedMax = 1024;
/** How many leave before the clock is read again. */
const leavesPerLook = 16;

/** What `LogEnd` reports. */
export interface LogEndEvents {
  /** The client has no room for a message that is addressed to it: the subscription has to leave. */
  slow(subscription: DurableSubscription): void;
  /** It was removed, and is to read on from its place, with the record that has this sequence number. */
  left(subscription: DurableSubscription, sequence: number): void;
  /** All records are published, so subscriptions may join again. */
  caughtUp(): void;
}

/** How all leave, by turns. */
interface Leaving {
  /** The sequence number of the record that they read next. */
  readonly sequence: number;
  /** Whether records are missing before that one, which they are told of. */
  readonly isAfterGap: boolean;
  /** Whether their places are in another log. */
  readonly forgets: boolean;
}

/**
 * The subscriptions at the log's end. A record is published to all of them at once by Bun, as it is to live ones. Only messages for one
 * client are sent one by one.
 *
 * A record may have thousands of messages, and each of them thousands of audiences, where clients use many subscription ids. So only as much
 * is published in one turn of the event loop as takes a few milliseconds. The rest waits for the next turns, and so do the records after it.
 * Meanwhile nobody may join, since a subscription that has read everything would get these records twice. If the next record is no longer
 * in memory, all leave.
 */
export class LogEnd implements Task {
  readonly #window: LogWindow;
  readonly #events: LogEndEvents;
  readonly #loop: LoopTime;
  readonly #publishedMax: number;
  /** The turn of the event loop in which something came last, and how much may still be published as it comes, or at the turn's end. */
  #turn = -1;
  #left = 0;
  readonly #parts: PublicationParts;
  readonly #subscriptions = new EndSubscriptions();
  /** The sequence number of the record that is being published, or of the next one. */
  #next = 0;
  /** Undefined between records. */
  #publication: Publication | undefined;
  /** The offset up to which everything was published. */
  #publishedOffset = -1;
  #leaving: Leaving | undefined;

  /**
   * @param loop shares out the event loop's time
   * @param most how much may be published as records come, and how much at the end of a turn
   */
  constructor(relay: Relay, window: LogWindow, events: LogEndEvents, loop: LoopTime, most = publishedMax) {
    this.#window = window;
    this.#events = events;
    this.#loop = loop;
    this.#publishedMax = most;
    const { slow } = events;
    this.#parts = { relay, subscriptions: this.#subscriptions, now: loop.now, slow };
  }

  get count(): number {
    return this.#subscriptions.count;
  }

  /** Whether there are records that were not published yet, or all are leaving. */
  get isLate(): boolean {
    return this.count > 0 && (this.#isWithin || this.#next < this.#window.end);
  }

  get #isWithin(): boolean {
    return this.#publication !== undefined || this.#leaving !== undefined;
  }

  /** The client of each subscription. */
  *sockets(): Iterable<ClientSocket> {
    for (const { socket } of this.#subscriptions.all()) yield socket;
  }

  /** Adds a subscription that has got everything. The log's end must not be late. */
  join(subscription: DurableSubscription): void {
    if (this.count === 0) {
      this.#next = this.#window.end;
      this.#publishedOffset = this.#window.last;
    }
    this.#subscriptions.join(subscription);
  }

  /** @param isConnected false if the socket is closed: then Bun has forgotten its subscriptions */
  leave(subscription: DurableSubscription, isConnected: boolean): void {
    this.#subscriptions.leave(subscription, isConnected);
    if (this.count > 0) return;
    this.#publication = this.#leaving = undefined;
    this.#events.caughtUp();
  }

  /**
   * Removes a subscription and notes exactly what it has got, even while a message is being published: what Bun has queued for it is still
   * sent.
   */
  leaveAtPlace(subscription: DurableSubscription): void {
    const leaving = this.#leaving;
    const offset = this.isLate ? this.#publishedOffset : this.#window.last;
    const place = this.#publication?.placeOf(subscription);
    // These come first: when the last one leaves, it is forgotten what was published.
    subscription.reached(place ?? { offset, index: Number.POSITIVE_INFINITY });
    if (leaving?.isAfterGap) subscription.isAfterGap = true;
    if (leaving?.forgets) subscription.forgetPlace();
    this.leave(subscription, true);
  }

  /** The window has a new record. */
  publish(): void {
    if (this.count === 0 || this.#isWithin || this.#next < this.#window.end - 1) return;
    this.#loop.begin();
    if (this.#turn !== this.#loop.turn) this.#left = this.#publishedMax;
    this.#turn = this.#loop.turn;
    if (this.#left > 0) this.#publishOn();
    else this.#loop.ask(this);
  }

  /**
   * The next record does not follow on the last one, so all leave, by turns. Those that have got everything are told of the gap with the
   * next message. This is to be called before the window is cleared.
   *
   * @param isAnother whether the log has begun anew: then they get all of it
   */
  missed(isAnother: boolean): void {
    if (this.count === 0) return;
    const { isLate } = this;
    const before = this.#leaving;
    const { last, end } = this.#window;
    if (!isLate) this.#publishedOffset = last;
    this.#leaving = {
      // What was still to be published is no longer in memory. It is looked for in the log.
      sequence: isAnother || !isLate ? end : (before?.sequence ?? this.#next),
      isAfterGap: !isLate || before?.isAfterGap === true,
      forgets: isAnother || before?.forgets === true,
    };
    this.#loop.ask(this);
  }

  close(): void {
    this.#loop.forget(this);
  }

  run(untilMs: number): void {
    this.#left = this.#publishedMax;
    if (this.#leaving === undefined) this.#publishOn();
    else this.#letOut(this.#leaving.sequence, untilMs);
    if (!this.isLate) this.#events.caughtUp();
  }

  /** Publishes until all records are published, or it is enough for this turn. */
  #publishOn(): void {
    let mayGoOn = true;
    while (mayGoOn && this.#leaving === undefined && this.isLate) {
      this.#publication ??= this.#begin();
      mayGoOn = this.#publication === undefined || this.#publishRecord(this.#publication);
    }
    if (this.isLate) this.#loop.ask(this);
  }

  /** Begins with the next record. If that is no longer in memory, all are to leave. */
  #begin(): Publication | undefined {
    const record = this.#window.at(this.#next);
    if (record !== undefined) {
      this.#publishedOffset = record.offset - 1;
      return new Publication(record, this.#parts);
    }
    this.#leaving = { sequence: this.#next, isAfterGap: false, forgets: false };
    return undefined;
  }

  /** @returns whether the next record may follow in this turn */
  #publishRecord(publication: Publication): boolean {
    while (true) {
      const { done, value } = publication.steps.next();
      // All may leave because of what is published.
      if (this.count === 0) return false;
      if (done === true) break;
      this.#left -= value;
      if (this.#left <= 0) return false;
    }
    this.#publication = undefined;
    this.#publishedOffset = publication.offset;
    this.#next++;
    return this.#left > 0;
  }

  #letOut(sequence: number, untilMs: number): void {
    let count = 0;
    for (const subscription of this.#subscriptions.all()) {
      this.leaveAtPlace(subscription);
      this.#events.left(subscription, sequence);
      if (++count % leavesPerLook === 0 && this.#loop.now() >= untilMs) break;
    }
    if (this.isLate) this.#loop.ask(this);
  }
}
