import type { BackoffLimits } from "../../backoff.ts";
import type { LogWindow } from "../../log/window.ts";
import type { Slices } from "../clients/slices.ts";
import { Ahead } from "./ahead.ts";
import { CutOff } from "./cut-off.ts";
import { Departures } from "./departures.ts";
import type { Members } from "./members.ts";
import { Precedence } from "./precedence.ts";
import type { SharedLog } from "./shared-log.ts";
import { groupAt, isFree, nearestRecords, stretchAt, sweepsMax } from "./stretches.ts";
import { type DurableSubscription, isPosition } from "./subscription.ts";
import { Sweep, type SweepEvents } from "./sweep.ts";

/** A sweep is waited for, instead of starting another one, if it is no further away than this part of the nearest stretch. */
const waitedForShare = 1 / 16;
/** A sweep waits for one that is further back by at most this part of its own remaining way, and they go on as one. */
const meetShare = 1 / 4;
/** The waits before subscriptions whose sweeps were cut off start again. */
export const defaultRetryBackoff: BackoffLimits = { firstMs: 100, mostMs: 5000 };

/** What `Sweeps` reports. */
export interface SweepsEvents extends Pick<SweepEvents, "misplaced" | "parked" | "delivered"> {
  /** It has reached what is in memory, and goes on there with this record. */
  arrived(subscription: DurableSubscription, sequence: number): void;
}

/**
 * The subscriptions whose places are older than what is in memory. They share a few sweeps of the log.
 *
 * The log before what is in memory is divided into stretches, each as long as all nearer ones together. In each stretch runs at most one
 * sweep that began there. A subscription that comes after it waits until it has left the stretch, and goes with the next one. Sweeps that
 * are close together are merged. A sweep that comes from further back takes along the subscriptions that it reaches, before these have
 * waited for longer than their own way takes. So the wait is always short in comparison with what lies ahead, whatever others read.
 */
export class Sweeps {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #slices: Slices;
  readonly #ahead: Ahead;
  readonly #events: SweepsEvents;
  /** The running sweeps. Each has the stretch that it was started for, until it has left that. */
  readonly #running = new Map<Sweep, number | undefined>();
  readonly #waiting = new Set<DurableSubscription>();
  readonly #cutOff: CutOff;
  readonly #departures: Departures;
  readonly #precedence = new Precedence<Sweep>(() => {
    for (const sweep of this.#running.keys()) sweep.goOn();
  });
  #startImmediate: NodeJS.Immediate | undefined;

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
    this.#departures = new Departures(slices);
    this.#window = window;
    this.#events = events;
    this.#cutOff = new CutOff(slices, retryBackoff, events.misplaced);
  }

  /** How many readings of the log run. */
  get count(): number {
    return this.#running.size;
  }

  /** How many subscriptions there are, including those that wait for a sweep. */
  get subscriptionCount(): number {
    let count = this.#waiting.size + this.#cutOff.size + this.#departures.count;
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
    subscription.readsWith?.remove(subscription);
  }

  /** A subscription that left because its client has to read first does not come back. */
  gone(subscription: DurableSubscription): void {
    for (const sweep of this.#running.keys()) sweep.gone(subscription);
  }

  /** The next record does not follow on the last one, so those that have just come to what is in memory have to be located again. */
  missed(): void {
    this.#departures.divert(this.#events.misplaced);
  }

  /** Ends all, and returns the subscriptions. */
  takeAll(): DurableSubscription[] {
    const running = [...this.#running.keys()].flatMap((sweep) => sweep.stop());
    const all = [...this.#waiting, ...this.#cutOff.takeAll(), ...this.#departures.takeAll(), ...running];
    this.close();
    return all;
  }

  close(): void {
    clearImmediate(this.#startImmediate);
    this.#startImmediate = undefined;
    this.#precedence.close();
    for (const sweep of this.#running.keys()) sweep.stop();
    this.#running.clear();
    this.#waiting.clear();
    this.#cutOff.close();
  }

  /** Starts at the end of the turn, so that subscriptions that come together share a sweep. */
  #startSoon(): void {
    if (this.#waiting.size > 0) this.#startImmediate ??= setImmediate(() => this.#start());
  }

  #start(): void {
    this.#startImmediate = undefined;
    const groups = new Map<number, DurableSubscription[]>();
    const nearest = nearestRecords(this.#window);
    for (const subscription of this.#waiting) {
      if (this.#board(subscription, nearest * waitedForShare)) continue;
      const group = groupAt(this.#distanceOf(subscription), nearest);
      const there = groups.get(group);
      if (there === undefined) groups.set(group, [subscription]);
      else there.push(subscription);
    }
    // Nearest first.
    for (const [group, passengers] of [...groups].sort(([one], [other]) => one - other)) {
      const stretch = Math.max(0, group);
      if (this.#isFree(stretch)) this.#sweep(stretch, passengers);
      else
        for (const subscription of passengers)
          this.#board(subscription, Math.max(nearest, this.#distanceOf(subscription)));
    }
  }

  #board(subscription: DurableSubscription, recordsMax: number): boolean {
    for (const sweep of this.#running.keys()) {
      if (!sweep.takes(subscription, recordsMax)) continue;
      this.#waiting.delete(subscription); // First, since it waits again if its place proves to be in another log.
      sweep.join(subscription);
      return true;
    }
    return false;
  }

  /** How many records its place lies before what is in memory, or a higher number. */
  #distanceOf({ place }: DurableSubscription): number {
    return this.#distanceFrom(isPosition(place) ? place.offset : 0);
  }

  #distanceFrom(offset: number): number {
    return Math.max(0, (this.#window.coversFrom ?? this.#window.last) - offset);
  }

  #isFree(stretch: number): boolean {
    const taken = [...this.#running].filter(([sweep]) => !sweep.isLingering).map(([, each]) => each);
    return isFree(stretch, taken);
  }

  #sweep(stretch: number, passengers: readonly DurableSubscription[]): void {
    for (const passenger of passengers) this.#waiting.delete(passenger);
    this.#makeRoom();
    const sweep: Sweep = new Sweep(this.#log, this.#window, this.#slices, this.#ahead, passengers, {
      ...this.#events,
      arrived: (members, sequence, isAfterGap) => {
        this.#cutOff.succeeded();
        this.#departures.add(members, (subscription) => {
          if (isAfterGap && isPosition(subscription.place)) subscription.isAfterGap = true;
          this.#events.arrived(subscription, sequence);
        });
      },
      pauses: () => this.#precedence.isPaused && this.#running.get(sweep) !== 0,
      proceeded: () => {
        if (sweep.members.lastOffset !== undefined) this.#precedence.hasBegun(sweep);
        this.#meet(sweep);
        this.#proceeded(sweep);
      },
      lingers: () => {
        this.#precedence.hasBegun(sweep);
        this.#running.delete(sweep);
        this.#running.set(sweep, undefined);
        this.#startSoon();
      },
      ended: (left) => this.#ended(sweep, left),
    });
    this.#running.set(sweep, stretch);
    if (stretch === 0) this.#precedence.begins(sweep);
  }

  /** If the maximum of sweeps runs, ends the one that has lingered longest. */
  #makeRoom(): void {
    if (this.#running.size < sweepsMax) return;
    const lingering = [...this.#running.keys()].find(({ isLingering }) => isLingering);
    if (lingering !== undefined) this.#running.delete(lingering);
    lingering?.stop();
  }

  /**
   * Sweeps a little ahead of this one would read the same records again, so their subscriptions change over to this one and wait for it.
   * Then they may go on for as many records as they have waited for, before they may have to wait again. So they have at least half of
   * their speed, however often others come after them.
   */
  #meet(sweep: Sweep): void {
    for (const ahead of this.#running.keys()) {
      const waitRecords = ahead.next - sweep.next;
      if (ahead === sweep || ahead.isLingering || waitRecords < 1 || ahead.next < ahead.waitsFrom) continue;
      if (waitRecords > meetShare * this.#distanceFrom(ahead.next)) continue;
      sweep.waitsFrom = Math.max(sweep.waitsFrom, ahead.next + waitRecords);
      this.#running.delete(ahead);
      this.#precedence.hasBegun(ahead);
      for (const subscription of ahead.stop())
        if (sweep.takes(subscription, Number.POSITIVE_INFINITY)) sweep.join(subscription);
        else this.add(subscription);
      this.#startSoon();
    }
  }

  /** Once a sweep has left its stretch, the next one may begin there. It may also have come near to subscriptions that wait. */
  #proceeded(sweep: Sweep): void {
    const stretch = this.#running.get(sweep);
    if (stretch === undefined || stretch === 0) return;
    if (stretchAt(this.#distanceFrom(sweep.next), nearestRecords(this.#window)) >= stretch) return;
    this.#running.set(sweep, undefined);
    this.#startSoon();
  }

  #ended(sweep: Sweep, left: Members | undefined): void {
    this.#running.delete(sweep);
    this.#precedence.hasBegun(sweep);
    this.#startSoon();
    if (left === undefined || left.size === 0) return;
    this.#cutOff.failed();
    this.#departures.add(left, (subscription) => this.#cutOff.add(subscription));
  }
}
