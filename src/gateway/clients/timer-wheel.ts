import { LoopTime, type Task } from "../../ops/loop-time.ts";

/** Something that is due now and again. */
export interface Timed {
  /** Does what is due at `nowMs` and returns in how many milliseconds to call again. */
  due(nowMs: number): number;
}

/** How finely times are told apart. In milliseconds. */
export const slotMs = 250;
/** A turn of the wheel is 64 seconds; what is due later than that is called earlier. */
const slots = 256;
/** Turned at a time at most. A process that was held up for longer goes on from where it was. */
const stepsMax = 4;
/** How long those that are due together are called in one turn of the event loop: thousands of tokens may end in the same moment. In milliseconds. */
const sliceMs = 4;

/**
 * One timer for all that clients are given time for: slots of a quarter of a second, and in each what is due then. To add, to remove and
 * to come due cost the same however many there are, and without any the timer stands still.
 */
export class TimerWheel {
  readonly #slots: Set<Timed>[] = Array.from({ length: slots }, () => new Set());
  readonly #slotOf = new Map<Timed, number>();
  #at = 0;
  /** What is left to be called of the slot that the wheel is at, the last one first. */
  #due: Timed[] = [];
  /** How many slots it is behind the clock. */
  #steps = 0;
  readonly #loop: LoopTime;
  readonly #goingOn: Task = { run: (untilMs) => this.#goOn(untilMs) };
  #isGoingOn = false;
  #timer: NodeJS.Timeout | undefined;
  #turnedMs = 0;
  #isClosed = false;

  /**
   * The wheel's own time in milliseconds, which a message can be stamped with at no cost. While the process is held up it
   * stands still, so that no client is taken for silent that was only not read from.
   */
  nowMs = 0;

  /** @param loop whose time is taken where very many are due together */
  constructor(loop = new LoopTime()) {
    this.#loop = loop;
  }

  /** Nothing happens once the wheel is closed. */
  add(timed: Timed, inMs: number): void {
    if (this.#isClosed) return;
    this.remove(timed);
    if (this.#timer === undefined) {
      this.#turnedMs = performance.now();
      this.#timer = setInterval(() => this.#turn(), slotMs);
    }
    const slot = (this.#at + slotsAhead(inMs)) % slots;
    this.#slots[slot]!.add(timed);
    this.#slotOf.set(timed, slot);
  }

  remove(timed: Timed): void {
    const slot = this.#slotOf.get(timed);
    if (slot === undefined) return;
    this.#slots[slot]!.delete(timed);
    this.#slotOf.delete(timed);
    if (this.#slotOf.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#loop.forget(this.#goingOn);
    this.#isGoingOn = false;
    this.#due = [];
    this.#steps = 0;
  }

  /** Stops it for good: nobody is called any more. */
  close(): void {
    this.#isClosed = true;
    for (const timed of this.#slotOf.keys()) this.remove(timed);
  }

  #turn(): void {
    // A clock that is set back, as tests set it, turns nothing.
    const steps = Math.max(0, Math.floor((performance.now() - this.#turnedMs) / slotMs));
    this.#turnedMs += steps * slotMs;
    this.#steps = Math.min(this.#steps + steps, stepsMax);
    if (!this.#isGoingOn) this.#goOn(this.#loop.now() + sliceMs);
  }

  /** Calls those that are due, for as long as there is time in this turn of the event loop, and the others in the next ones. */
  #goOn(untilMs: number): void {
    this.#isGoingOn = false;
    for (;;) {
      const timed = this.#due.pop();
      if (timed === undefined) {
        if (this.#steps === 0) return;
        this.#steps--;
        this.#at = (this.#at + 1) % slots;
        this.nowMs += slotMs;
        this.#due = [...this.#slots[this.#at]!].reverse();
        continue;
      }
      // What an earlier one has removed is not due any more.
      if (this.#slotOf.get(timed) !== this.#at) continue;
      const inMs = timed.due(this.nowMs);
      if (this.#slotOf.has(timed)) this.#move(timed, inMs);
      if (this.#loop.now() < untilMs) continue;
      if (this.#slotOf.size === 0) return;
      this.#isGoingOn = true;
      this.#loop.ask(this.#goingOn);
      return;
    }
  }

  #move(timed: Timed, inMs: number): void {
    const slot = (this.#at + slotsAhead(inMs)) % slots;
    this.#slots[this.#slotOf.get(timed)!]!.delete(timed);
    this.#slots[slot]!.add(timed);
    this.#slotOf.set(timed, slot);
  }
}

function slotsAhead(inMs: number): number {
  return Math.min(slots - 1, Math.max(1, Math.floor(inMs / slotMs)));
}
