import { LoopTime, type Task } from "../../ops/loop-time.ts";

/** Something that is due from time to time. */
export interface Timed {
  /** Does what is due at `nowMs`, and returns in how many milliseconds to call again. */
  due(nowMs: number): number;
}

/** The resolution of times. In milliseconds. */
export const slotMs = 250;
/** A turn of the wheel takes 64 seconds. What is due later than that is called earlier. */
const slots = 256;
/** The most slots at a time. A process that was held up for longer continues where it was. */
const stepsMax = 4;
/** For how long callbacks run in one turn of the event loop: thousands of tokens may expire at the same moment. In milliseconds. */
const sliceMs = 4;

/**
 * One timer for everything that clients are given time for: slots of a quarter of a second, each with what is due then. Adding, removing
 * and calling cost the same however many entries there are, and the timer stops while there are none.
 */
export class TimerWheel {
  readonly #slots: Set<Timed>[] = Array.from({ length: slots }, () => new Set());
  readonly #slotOf = new Map<Timed, number>();
  #at = 0;
  /** The rest of the current slot, the last entry first. */
  #due: Timed[] = [];
  /** How many slots the wheel is behind the clock. */
  #steps = 0;
  readonly #loop: LoopTime;
  readonly #resuming: Task = { run: (untilMs) => this.#resume(untilMs) };
  #isResuming = false;
  #timer: NodeJS.Timeout | undefined;
  #turnedMs = 0;
  #isClosed = false;

  /**
   * The wheel's own time in milliseconds, which costs nothing to read. While the process is held up it stands still, so that no client is
   * taken for silent that was just not read from.
   */
  nowMs = 0;

  /** @param loop shares out the event loop's time if very many are due together */
  constructor(loop = new LoopTime()) {
    this.#loop = loop;
  }

  /** Adds an entry. Nothing happens once the wheel is closed. */
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
    this.#loop.forget(this.#resuming);
    this.#isResuming = false;
    this.#due = [];
    this.#steps = 0;
  }

  /** Stops the wheel for good: nothing is called any more. */
  close(): void {
    this.#isClosed = true;
    for (const timed of this.#slotOf.keys()) this.remove(timed);
  }

  #turn(): void {
    // A clock that is set back, as in tests, must not turn the wheel.
    const steps = Math.max(0, Math.floor((performance.now() - this.#turnedMs) / slotMs));
    this.#turnedMs += steps * slotMs;
    this.#steps = Math.min(this.#steps + steps, stepsMax);
    if (!this.#isResuming) this.#resume(this.#loop.share(sliceMs));
  }

  /** Calls entries that are due, for as long as there is time in this turn of the event loop, and the rest in the next turns. */
  #resume(untilMs: number): void {
    this.#isResuming = false;
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
      // An earlier callback may have removed it.
      if (this.#slotOf.get(timed) !== this.#at) continue;
      const inMs = timed.due(this.nowMs);
      if (this.#slotOf.has(timed)) this.#move(timed, inMs);
      if (this.#loop.now() < untilMs) continue;
      if (this.#slotOf.size === 0) return;
      this.#isResuming = true;
      this.#loop.ask(this.#resuming);
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
