import type { LoopTime } from "./loop-time.ts";

/**
 * How much of one kind of work is done in a turn of the event loop. The work consists of units that cost about the same. It has to pause
 * when it has done as many as it may, or when its time is over. To read the clock costs as much as some units, so it is read once for a few
 * of them.
 */
export class TurnBudget {
  readonly #loop: LoopTime;
  readonly #unitsMax: number;
  readonly #lookEach: number;
  /** The turn of the event loop that was joined last. */
  #turn = -1;
  #left = 0;
  #untilMs = 0;
  /** How many units were done since the clock was last read. */
  #unseen = 0;

  /**
   * @param loop shares out the event loop's time
   * @param unitsMax how many units are done in a turn at most
   * @param lookEach the clock is read once for this many units; a call of `goesOn` counts as one at least
   */
  constructor(loop: LoopTime, unitsMax: number, lookEach: number) {
    this.#loop = loop;
    this.#unitsMax = unitsMax;
    this.#lookEach = lookEach;
  }

  /**
   * Work is about to be done as it comes. All that comes in one turn of the event loop shares one budget.
   *
   * @returns whether it is the first in this turn
   */
  join(): boolean {
    const untilMs = this.#loop.begin();
    if (this.#turn === this.#loop.turn) return false;
    this.#turn = this.#loop.turn;
    this.start(untilMs);
    return true;
  }

  /**
   * A part of the work is about to be done, with a whole budget of its own.
   *
   * @param untilMs when its time is over, by the clock of the event loop
   */
  start(untilMs = Number.POSITIVE_INFINITY): void {
    this.#left = this.#unitsMax;
    this.#untilMs = untilMs;
    this.#unseen = 0;
  }

  /** Takes a unit, whatever the time. Returns false if none is left. */
  take(): boolean {
    return this.#left-- > 0;
  }

  /** Units were done. Returns whether more may follow. */
  goesOn(units = 1): boolean {
    this.#left -= units;
    this.#unseen += Math.max(1, units);
    if (this.#left <= 0) return false;
    if (this.#unseen < this.#lookEach) return true;
    this.#unseen = 0;
    return this.#loop.now() < this.#untilMs;
  }

  /** Whether nothing more may be done, by a look at the clock. */
  get isOver(): boolean {
    return this.#left <= 0 || this.#loop.now() >= this.#untilMs;
  }
}
