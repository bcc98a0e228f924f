/** The pace is the average over this many seconds. */
const seconds = 5;

/** Counts events per second, averaged over the last five whole seconds. */
export class Pace {
  /** Counts of the last seconds, as a ring. One of them is the current second, which is not over yet. */
  readonly #counts = new Array<number>(seconds + 1).fill(0);
  #second = 0;

  count(nowMs: number): void {
    this.#turn(nowMs);
    this.#counts[this.#second % this.#counts.length]! += 1;
  }

  /** A whole number. A pace below one is rounded up to one. */
  perSecond(nowMs: number): number {
    this.#turn(nowMs);
    const current = this.#second % this.#counts.length;
    const sum = this.#counts.reduce((total, count, index) => (index === current ? total : total + count), 0);
    return sum === 0 ? 0 : Math.max(1, Math.round(sum / seconds));
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    for (let gone = Math.min(second - this.#second, this.#counts.length); gone > 0; gone--)
      this.#counts[(second - gone + 1) % this.#counts.length] = 0;
    this.#second = Math.max(second, this.#second);
  }
}
