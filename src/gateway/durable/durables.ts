import type { Missed } from "../../broker/broker.ts";
import type { LogRecord } from "../../log/record.ts";
import { LogWindow } from "../../log/window.ts";
import { LoopTime } from "../../ops/loop-time.ts";
import type { ClientSocket } from "../clients/client.ts";
import { Slices } from "../clients/slices.ts";
import type { Relay } from "../fan-out/relay.ts";
import { History } from "./history.ts";
import { Locator } from "./locator.ts";
import { LogEnd } from "./log-end.ts";
import { type Outflow, outflowsTo, plainOutlet } from "./outflow.ts";
import { Parked } from "./parked.ts";
import type { SharedLog } from "./shared-log.ts";
import { type DurableState, moves } from "./states.ts";
import { type DurableRequest, DurableSubscription, isTellable } from "./subscription.ts";
import { defaultRetryBackoff, Sweeps } from "./sweeps.ts";
import { Walks } from "./walks.ts";

/**
 * All durable subscriptions. Each gets the log in order, from the place that it names. This class moves them from state to state, along the
 * table in `states.ts`; in each state another class keeps them.
 *
 * Catching up ends within one turn of the event loop, and not while the log's end is late, so no record comes between what a subscription
 * has read and what is published to it.
 */
export class Durables {
  readonly window: LogWindow;
  readonly #locator: Locator;
  readonly #slices: Slices;
  readonly #history: History;
  readonly #walks: Walks;
  readonly #sweeps: Sweeps;
  readonly end: LogEnd;
  readonly #parked = new Parked((subscription) => this.#unpark(subscription));
  readonly #outflowTo: (socket: ClientSocket) => Outflow<DurableSubscription>;

  /**
   * @param windowBytesMax how much of the log is kept in memory
   * @param valuesBytesMax how much the newest messages of topics may take in memory
   * @param loop shares out the event loop's time
   * @param publishedMax how much is published at the log's end in one turn of the event loop
   */
  constructor(
    log: SharedLog,
    relay: Relay,
    windowBytesMax: number,
    retryBackoff = defaultRetryBackoff,
    outlet = plainOutlet,
    valuesBytesMax = 32 * 1024 ** 2,
    loop = new LoopTime(),
    publishedMax?: number,
  ) {
    this.#slices = new Slices(loop);
    this.#outflowTo = outflowsTo(outlet, (subscription) => this.drained(subscription));
    this.window = new LogWindow(windowBytesMax);
    const delivered = (count: number) => relay.delivered(count);
    const slow = (subscription: DurableSubscription) => this.fallBehind(subscription);
    const left = (each: DurableSubscription, sequence: number) => this.#walk(each, sequence);
    const endEvents = { slow, left, caughtUp: () => this.#walks.wake() };
    this.end = new LogEnd(relay, this.window, endEvents, loop, publishedMax);
    this.#locator = new Locator(log, this.window, this.#slices, retryBackoff, {
      inMemory: (subscription, sequence) => this.#catchUp(subscription, sequence),
      older: (subscription) => this.#sweep(subscription),
      newest: (subscription) => this.#history.add(subscription),
      reached: (offset, fingerprint) => this.marked(offset, fingerprint),
    });
    const found = { placed: (each: DurableSubscription) => this.#locator.locate(each), delivered };
    this.#history = new History(log, this.window, this.#slices, found, valuesBytesMax, retryBackoff);
    this.#walks = new Walks(this.window, this.#slices, {
      mayFollow: () => !this.end.isLate,
      reachedEnd: (subscription) => this.#join(subscription),
      fellBehind: (subscription) => this.#locate(subscription),
      restarts: (subscription, sequence) => this.#restart(subscription, sequence),
      parked: (subscription, sequence) => this.#park(subscription, sequence),
      delivered,
    });
    const sweepsEvents = {
      arrived: (subscription: DurableSubscription, sequence: number) => this.#catchUp(subscription, sequence),
      parked: (subscription: DurableSubscription) => this.#park(subscription, undefined),
      misplaced: (subscription: DurableSubscription) => this.#locate(subscription),
      delivered,
    };
    this.#sweeps = new Sweeps(log, this.window, this.#slices, sweepsEvents, retryBackoff);
  }

  /** How many subscriptions are in each state. */
  get counts() {
    return {
      atEnd: this.end.count,
      catchingUp: this.#walks.count,
      sweeping: this.#sweeps.subscriptionCount,
      parked: this.#parked.count,
      locating: this.#locator.count + this.#history.count,
    };
  }

  /** What the newest messages of topics take in memory, in bytes. */
  get valuesBytes(): number {
    return this.#history.bytes;
  }

  /** How many readings of the log serve sweeping subscriptions. */
  get readingCount(): number {
    return this.#sweeps.count;
  }

  add(request: DurableRequest): DurableSubscription {
    const subscription = new DurableSubscription(request, this.#outflowTo(request.socket));
    this.#locator.locate(subscription);
    return subscription;
  }

  /** @param isConnected false if the socket is closed: then Bun has forgotten its subscriptions */
  remove(subscription: DurableSubscription, isConnected: boolean): void {
    const { state } = subscription;
    if (!this.#move(subscription, "ended")) return;
    subscription.end();
    this.#sweeps.gone(subscription);
    if (state === "locating") {
      this.#locator.forget(subscription);
      this.#history.forget(subscription);
    } else if (state === "sweeping") this.#sweeps.remove(subscription);
    else if (state === "catching up") this.#walks.remove(subscription);
    else if (state === "parked") this.#parked.take(subscription);
    else this.end.leave(subscription, isConnected);
  }

  /**
   * The client reads too slowly for the log's end, where Bun publishes to it whether or not it reads. The subscription goes on from the log
   * when there is room again.
   */
  fallBehind(subscription: DurableSubscription): void {
    if (subscription.state !== "at the end") return;
    this.end.leaveAtPlace(subscription);
    this.#park(subscription, undefined);
  }

  /** The position after which a subscription that has got everything goes on; undefined if it has not, or if the log is empty. */
  placeOf({ state }: DurableSubscription): string | undefined {
    const { last } = this.window;
    return state === "at the end" && !this.end.isLate && last >= 0 ? this.window.nameOf(last) : undefined;
  }

  /** The client has read something that waited for it. */
  drained(subscription: DurableSubscription): void {
    this.#parked.drained(subscription);
  }

  #unpark(subscription: DurableSubscription): void {
    const sequence = this.#parked.take(subscription);
    if (sequence === undefined || sequence < this.window.begin) this.#locate(subscription);
    else this.#catchUp(subscription, sequence);
  }

  /** The next record of the log. */
  logged(record: LogRecord): void {
    const isFirst = this.window.coversFrom === undefined;
    this.window.append(record, this.end.count > 0 || this.#history.isKeeping);
    this.#history.logged(record);
    this.end.publish();
    this.#walks.wake();
    if (isFirst) this.resume();
  }

  marked(offset: number, fingerprint?: string): void {
    this.window.reached(offset, fingerprint);
    this.resume();
  }

  /** More is known about the log, or about repeats in it: subscriptions that wait for that go on. */
  resume(): void {
    this.#locator.retry();
    this.#history.resume();
  }

  /**
   * The next record does not follow on the last one. If records were dropped, subscriptions at the end are told so with the next record, and
   * all others find out by themselves. If the log has begun anew, those with a place in the old one are told of the gap and get all of it.
   */
  missed(why: Missed): void {
    const isAnother = why === "another log";
    this.end.missed(isAnother);
    this.#walks.missed(isAnother);
    this.window.clear();
    this.#history.restart();
    if (isAnother) {
      this.#locator.restart();
      // A place with a fingerprint may be in the new log: another manager may have told the client of it.
      const tell = Map.groupBy(this.#sweeps.takeAll(), ({ place }) => isTellable(place));
      const placed = [...(tell.get(false) ?? []), ...this.#locator.takePlaced()];
      for (const each of placed) this.#restart(each, this.window.end);
      for (const each of tell.get(true) ?? []) this.#locate(each);
    } else this.#sweeps.missed();
    this.#parked.missed(isAnother);
  }

  close(): void {
    const parts = [this.#slices, this.#history, this.#sweeps, this.#locator, this.#parked, this.window];
    for (const part of [this.end, ...parts]) part.close();
  }

  #catchUp(subscription: DurableSubscription, sequence: number): void {
    // Most subscriptions begin with the next record.
    const isAtEnd = sequence === this.window.end && !this.end.isLate;
    if (isAtEnd && !subscription.isAfterGap && subscription.isRoomy) this.#join(subscription);
    else this.#walk(subscription, sequence);
  }

  /** The log has begun anew, with this record. */
  #restart(subscription: DurableSubscription, sequence: number): void {
    subscription.forgetPlace();
    this.#walk(subscription, sequence);
    subscription.subscribed(this.window);
  }

  #locate(subscription: DurableSubscription): void {
    if (this.#move(subscription, "locating")) this.#locator.locate(subscription);
  }

  #sweep(subscription: DurableSubscription): void {
    if (this.#move(subscription, "sweeping")) this.#sweeps.add(subscription);
  }

  #walk(subscription: DurableSubscription, sequence: number): void {
    if (this.#move(subscription, "catching up")) this.#walks.add(subscription, sequence);
  }

  #join(subscription: DurableSubscription): void {
    if (this.#move(subscription, "at the end")) this.end.join(subscription);
  }

  #park(subscription: DurableSubscription, sequence: number | undefined): void {
    if (this.#move(subscription, "parked")) this.#parked.add(subscription, sequence);
  }

  /**
   * Returns whether the subscription is to be kept in its new state: its client may have gone while it was written to.
   *
   * @throws Error if the table does not have this transition
   */
  #move(subscription: DurableSubscription, to: DurableState): boolean {
    const from = subscription.state;
    if (from === "ended") return false;
    if (!(to in moves[from])) throw new Error(`a durable subscription does not go from ${from} to ${to}`);
    subscription.becomes(to);
    return true;
  }
}
