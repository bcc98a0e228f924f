import { type BackoffLimits, backoffMs } from "../../backoff.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Slices } from "../clients/slices.ts";
import { Ahead } from "./ahead.ts";
import type { SharedLog } from "./shared-log.ts";
import { nearestRecords, stretchAt } from "./stretches.ts";
import { type DurableSubscription, isPosition } from "./subscription.ts";
import { Sweep, type SweepEvents } from "./sweep.ts";

/** Sweeps that may begin in the nearest stretch: they are short, and a subscription that is just older than memory waits for no other. */
const nearestSweepsMax = 3;
/** A sweep that is no further away than this part of the nearest stretch is waited for where another one could begin. */
const waitedForShare = 1 / 16;
/** A sweep waits for one that is further back, by at most this part of its own remaining way, and goes on together with it. */
const meetShare = 1 / 4;
/** Readings of the log at the same time, besides those in the nearest stretch: each is a channel and a consumer in RabbitMQ. */
const farSweepsMax = 4;
/** The waits between sweeps that were cut off. */
export const defaultRetryBackoff: BackoffLimits = { firstMs: 100, mostMs: 5000 };

/** What `Sweeps` reports. */
export type SweepsEvents = Omit<SweepEvents, "ended" | "proceeded" | "lingers">;

/**
 * Subscriptions whose places are older than what is in memory. They share a few sweeps of the log.
 *
 * Seen from what is in memory, the log before it is divided into stretches, each as long as all nearer ones together. In each of
 * them one sweep is on its way from there; a subscription that comes after it waits until it has left its stretch, and goes with the next one.
 * Sweeps that are close together become one.
 * A sweep that comes from further back takes along those whom it reaches before they have waited for longer than their own way
 * takes. So nobody waits long in comparison with what lies ahead of it, whatever others read.
 */
export class Sweeps {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #ahead: Ahead;
  readonly #events: SweepsEvents;
  readonly #retryBackoff: BackoffLimits;
  /** Each sweep that runs, with the stretch that it is the one to sweep in, until it has left that. */
  readonly #running = new Map<Sweep, number | undefined>();
  readonly #waiting = new Set<DurableSubscription>();
  readonly #cutOff = new Set<DurableSubscription>();
  #startImmediate: NodeJS.Immediate | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(
    log: SharedLog,
    window: LogWindow,
    slices: Slices,
    events: SweepsEvents,
    retryBackoff: BackoffLimits,
  ) {
    this.#log = log;
    this.#slices = slices;
    this.#ahead = new Ahead(window);
    this.#window = window;
    this.#events = events;
    this.#retryBackoff = retryBackoff;
  }

  /** Readings of the log. */
  get count(): number {
    return this.#running.size;
  }

  /** Subscriptions, those that wait for a sweep among them. */
  get subscriptionCount(): number {
    let count = this.#waiting.size + this.#cutOff.size;
    for (const { members } of this.#running.keys()) count += members.size;
    return count;
  }

  add(subscription: DurableSubscription): void {
    this.#waiting.add(subscription);
    this.#startSoon();
  }

  remove(subscription: DurableSubscription): void {
    this.#waiting.delete(subscription);
    this.#cutOff.delete(subscription);
    for (const sweep of this.#running.keys()) {
      if (sweep.members !== subscription.readsWith) continue;
      sweep.remove(subscription);
      return;
    }
  }

  /** One that has left since its client has to read first does not come back. */
  gone(subscription: DurableSubscription): void {
    for (const sweep of this.#running.keys()) sweep.gone(subscription);
  }

  /** Ends all sweeps, and takes all subscriptions out. */
  takeAll(): DurableSubscription[] {
    const all = [
      ...this.#waiting,
      ...this.#cutOff,
      ...[...this.#running.keys()].flatMap((sweep) => sweep.stop()),
    ];
    this.close();
    return all;
  }

  close(): void {
    clearImmediate(this.#startImmediate);
    clearTimeout(this.#retryTimer);
    this.#startImmediate = undefined;
    this.#retryTimer = undefined;
    for (const sweep of this.#running.keys()) sweep.stop();
    this.#running.clear();
    this.#waiting.clear();
    this.#cutOff.clear();
  }

  /** Begins at the end of the turn, so that subscriptions that come together go together. */
  #startSoon(): void {
    if (this.#waiting.size > 0) this.#startImmediate ??= setImmediate(() => this.#start());
  }

  #start(): void {
    this.#startImmediate = undefined;
    const byStretch = new Map<number, DurableSubscription[]>();
    const nearest = nearestRecords(this.#window);
    for (const subscription of this.#waiting) {
      if (this.#board(subscription, nearest * waitedForShare)) continue;
      const stretch = stretchAt(this.#distanceOf(subscription), nearest);
      const there = byStretch.get(stretch);
      if (there === undefined) byStretch.set(stretch, [subscription]);
      else there.push(subscription);
    }
    // The nearest first.
    for (const [stretch, passengers] of [...byStretch].sort(([one], [other]) => one - other)) {
      if (this.#isFree(stretch)) this.#sweep(stretch, passengers);
      else
        for (const subscription of passengers)
          this.#board(subscription, Math.max(nearest, this.#distanceOf(subscription)));
    }
  }

  #board(subscription: DurableSubscription, recordsMax: number): boolean {
    for (const sweep of this.#running.keys()) {
      if (!sweep.join(subscription, recordsMax)) continue;
      this.#waiting.delete(subscription);
      return true;
    }
    return false;
  }

  /** How many records its place is before what is in memory, or more. */
  #distanceOf({ place }: DurableSubscription): number {
    return this.#distanceFrom(isPosition(place) ? place.offset : 0);
  }

  #distanceFrom(offset: number): number {
    return Math.max(0, (this.#window.coversFrom ?? this.#window.last) - offset);
  }

  #isFree(stretch: number): boolean {
    let far = 0;
    let there = 0;
    for (const [sweep, taken] of this.#running) {
      if (sweep.isLingering) continue;
      if (taken === stretch) there++;
      if (taken !== 0) far++;
    }
    return stretch === 0 ? there < nearestSweepsMax : there === 0 && far < farSweepsMax;
  }

  #sweep(stretch: number, passengers: readonly DurableSubscription[]): void {
    for (const passenger of passengers) this.#waiting.delete(passenger);
    this.#makeRoom();
    const sweep: Sweep = new Sweep(this.#log, this.#window, this.#slices, this.#ahead, passengers, {
      ...this.#events,
      arrived: (subscription, sequence) => {
        this.#failures = 0;
        this.#events.arrived(subscription, sequence);
      },
      proceeded: () => {
        this.#meet(sweep);
        this.#proceeded(sweep);
      },
      lingers: () => {
        this.#running.delete(sweep);
        this.#running.set(sweep, undefined);
        this.#startSoon();
      },
      ended: (left) => this.#ended(sweep, left),
    });
    this.#running.set(sweep, stretch);
  }

  /** Where there are as many as there may be, the one that has lingered longest goes. */
  #makeRoom(): void {
    if (this.#running.size < nearestSweepsMax + farSweepsMax) return;
    for (const sweep of this.#running.keys()) {
      if (!sweep.isLingering) continue;
      this.#running.delete(sweep);
      sweep.stop();
      return;
    }
  }

  /**
   * Sweeps a little ahead of this one read the same records once more: their passengers change into this one instead, which they wait for.
   * Once they have waited, they get on by as much as they have waited for before they may have to wait again: so however often
   * others come after them, they have half of their speed.
   */
  #meet(sweep: Sweep): void {
    for (const ahead of this.#running.keys()) {
      const waitRecords = ahead.next - sweep.next;
      if (ahead === sweep || ahead.isLingering || waitRecords < 1 || ahead.next < ahead.waitsFrom) continue;
      if (waitRecords > meetShare * this.#distanceFrom(ahead.next)) continue;
      sweep.waitsFrom = Math.max(sweep.waitsFrom, ahead.next + waitRecords);
      this.#running.delete(ahead);
      for (const subscription of ahead.stop())
        if (!sweep.join(subscription, Number.POSITIVE_INFINITY)) this.add(subscription);
      this.#startSoon();
    }
  }

  /** Where it has left its stretch the next one may begin there; and it may have come near to those that wait. */
  #proceeded(sweep: Sweep): void {
    const stretch = this.#running.get(sweep);
    if (stretch === undefined || stretch === 0) return;
    if (stretchAt(this.#distanceFrom(sweep.next), nearestRecords(this.#window)) >= stretch) return;
    this.#running.set(sweep, undefined);
    this.#startSoon();
  }

  #ended(sweep: Sweep, left: readonly DurableSubscription[]): void {
    this.#running.delete(sweep);
    this.#startSoon();
    if (left.length === 0) return;
    for (const subscription of left) this.#cutOff.add(subscription);
    this.#failures++;
    const waitMs = backoffMs(this.#failures, this.#retryBackoff, Math.random());
    this.#retryTimer ??= setTimeout(() => this.#retry(), waitMs);
  }

  #retry(): void {
    this.#retryTimer = undefined;
    const all = [...this.#cutOff];
    this.#cutOff.clear();
    for (const subscription of all) this.#events.astray(subscription);
  }
}
