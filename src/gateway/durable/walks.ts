import type { LogWindow } from "../../log/window.ts";
import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import { Departures } from "./departures.ts";
import type { Members } from "./members.ts";
import type { DurableSubscription } from "./subscription.ts";
import { type WalkEvents, Walker } from "./walker.ts";

/** How long one walker runs before it is the next one's turn, in milliseconds. */
const runMs = 1.5;
/**
 * The length of the nearest block: what its records cost together, in bytes, estimated by the records in memory, and the least and most
 * records that it has. A limit in records alone would not do: in a log of packs of a hundred messages each, 512 records were all that is in
 * memory, so one walker moved and all others waited for it.
 */
const nearestBlockBytes = 128 * 1024;
const nearestBlockRecordsMax = 512;
const nearestBlockRecordsMin = 8;

/**
 * The subscriptions that read what is in memory, until they have reached the log's end. Those at about the same place go together.
 *
 * They move as trains do. Counted back from its end, the log is divided into blocks, each as long as all nearer ones together. In each
 * block at most one walker moves: the rearmost, which takes along all that it meets. A walker that comes after it waits until it has left
 * the block. So about a dozen walkers move at most, however many subscriptions come at however many places. And no subscription waits for
 * longer than the walk through its own block takes, which is no longer than what is ahead of it anyway: those near the end hardly wait,
 * whatever goes on further back.
 */
export class Walks implements Task {
  readonly #window: LogWindow;
  readonly #events: WalkEvents;
  /** Walkers by the sequence number that they read next. One that is running is removed meanwhile. */
  readonly #walkers = new Map<number, Walker>();
  /** The walkers that move, the next one first. */
  #movers: Walker[] = [];
  /** Whether walkers have come or stopped since the movers were last decided. */
  #isUndecided = false;
  /** Subscriptions that were cut off, since the next record does not follow on the last one. */
  readonly #departures: Departures;
  readonly #slices: Slices;

  constructor(window: LogWindow, slices: Slices, events: WalkEvents) {
    this.#slices = slices;
    this.#departures = new Departures(slices);
    this.#window = window;
    this.#events = events;
  }

  get count(): number {
    let count = this.#departures.count;
    for (const { size } of this.#walkers.values()) count += size;
    return count;
  }

  /** How many walkers there are: what catching up costs for each record. */
  get walkerCount(): number {
    return this.#walkers.size;
  }

  /** Adds a subscription that reads on with this record. */
  add(subscription: DurableSubscription, sequence: number): void {
    let walker = this.#walkers.get(sequence);
    if (walker === undefined) {
      walker = new Walker(sequence, this.#window, this.#events, this.#slices.now);
      this.#walkers.set(sequence, walker);
    }
    walker.add(subscription);
    this.wake();
  }

  remove(subscription: DurableSubscription): void {
    subscription.readsWith?.remove(subscription);
  }

  /**
   * The next record does not follow on the last one, so all leave, by turns.
   *
   * @param isAnother whether the log has begun anew, with the next record
   */
  missed(isAnother: boolean): void {
    const { end } = this.#window;
    const { fellBehind, restarts } = this.#events;
    const onOut = isAnother ? (subscription: DurableSubscription) => restarts(subscription, end) : fellBehind;
    if (isAnother) this.#departures.divert(onOut);
    for (const walker of this.#walkers.values())
      for (const members of walker.groups) this.#departures.add(members, onOut);
    this.#walkers.clear();
    this.#movers = [];
  }

  /** A record has come. */
  wake(): void {
    this.#isUndecided = true;
    if (this.#walkers.size > 0) this.#slices.ask(this);
  }

  run(untilMs: number): void {
    if (this.#isUndecided) this.#decide();
    const { now } = this.#slices;
    for (let nowMs = now(); nowMs < untilMs; nowMs = now()) {
      // Deciding looks at all walkers, so it is done once for all blocks that have become free meanwhile.
      if (this.#isUndecided && this.#movers.length === 0) this.#decide();
      const walker = this.#movers.shift();
      if (walker === undefined) return;
      this.#move(walker, Math.min(untilMs, nowMs + runMs));
    }
    if (this.#movers.length > 0 || this.#isUndecided) this.#slices.ask(this);
  }

  /** Decides which walkers move next: the rearmost in each block in which none moves. */
  #decide(): void {
    this.#isUndecided = false;
    const hindmost: (Walker | undefined)[] = [];
    const nearest = this.#nearestRecords;
    const taken = new Set(this.#movers.map(({ block }) => block));
    for (const [sequence, walker] of this.#walkers) {
      if (walker.size === 0) this.#walkers.delete(sequence);
      else if (sequence < this.#window.begin && !walker.isMoving) {
        // Its next record is no longer in memory, so it moves only to be sent back to reading from the broker.
        walker.isMoving = true;
        this.#movers.push(walker);
      } else if (!walker.isMoving && !walker.rests) {
        const block = blockAt(this.#window.end - sequence, nearest);
        if (!taken.has(block) && sequence < (hindmost[block]?.sequence ?? Number.POSITIVE_INFINITY))
          hindmost[block] = walker;
      }
    }
    // Nearest first.
    for (let block = hindmost.length - 1; block >= 0; block--) {
      const walker = hindmost[block];
      if (walker === undefined) continue;
      walker.block = block;
      walker.isMoving = true;
      this.#movers.unshift(walker);
    }
  }

  #move(walker: Walker, untilMs: number): void {
    const { block = 0 } = walker;
    const leavesAt = this.#window.end - (block === 0 ? 0 : this.#nearestRecords * 2 ** (block - 1));
    if (this.#walkers.get(walker.sequence) === walker) this.#walkers.delete(walker.sequence);
    const meet = (sequence: number) => {
      const met = this.#walkers.get(sequence);
      if (met !== undefined) this.#takeAlong(walker, met);
    };
    const left = (sequence: number, late: Members) => {
      const { now } = this.#slices;
      this.#walkers.set(sequence, new Walker(sequence, this.#window, this.#events, now, late));
      this.#isUndecided = true;
    };
    walker.run(Math.max(walker.sequence, leavesAt), untilMs, { at: meet, left });
    meet(walker.sequence);
    const hasLeft = walker.sequence >= leavesAt;
    // Removing everybody at the end may take a while, in which others may come.
    if (hasLeft) this.#free(walker);
    if (walker.size > 0) this.#walkers.set(walker.sequence, walker);
    const stops =
      walker.size === 0 ||
      walker.rests ||
      (hasLeft && block > 0 && !walker.members.hasUnwritten && !walker.isWithin);
    if (!stops) {
      this.#movers.push(walker);
      return;
    }
    walker.isMoving = false;
    this.#free(walker);
  }

  #takeAlong(walker: Walker, met: Walker): void {
    this.#walkers.delete(met.sequence);
    walker.absorb(met);
    if (!met.isMoving) return;
    this.#movers = this.#movers.filter((mover) => mover !== met);
    this.#free(met);
  }

  get #nearestRecords(): number {
    return this.#window.recordsIn(nearestBlockBytes, nearestBlockRecordsMin, nearestBlockRecordsMax);
  }

  #free(walker: Walker): void {
    walker.block = undefined;
    this.#isUndecided = true;
  }
}

/**
 * The block that a record lies in, counted back from the log's end.
 *
 * @param nearest the length of the nearest block, in records
 */
function blockAt(distance: number, nearest: number): number {
  return distance <= nearest ? 0 : 32 - Math.clz32((distance - 1) / nearest);
}
