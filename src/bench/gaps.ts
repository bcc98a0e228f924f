/** How many gaps are remembered at a time, over all pairs. About 100 bytes each. */
const gapsMax = 1_000_000;

/** The sequence numbers from `from` up to, not including, `to`. */
interface Gap {
  from: number;
  to: number;
}

/**
 * The sequence numbers that were jumped over, by pair of receiver and publisher: what arrives late is *reordered* if it
 * fills a gap, and *duplicated* if it does not. Nothing is kept for a pair without gaps.
 *
 * Beyond `gapsMax` new gaps are not remembered: what was lost there stays counted exactly unless it comes late after all,
 * when it is taken for a duplicate. `forgotten` tells how many gaps that concerns.
 */
export class Gaps {
  readonly #byPair = new Map<number, Gap[]>();
  readonly #max: number;
  #count = 0;
  #forgotten = 0;

  constructor(max: number = gapsMax) {
    this.#max = max;
  }

  get forgotten(): number {
    return this.#forgotten;
  }

  /** Notes a gap. A pair's gaps must be added in rising order. */
  add(pair: number, from: number, to: number): void {
    if (this.#count >= this.#max) {
      this.#forgotten++;
      return;
    }
    this.#count++;
    const gaps = this.#byPair.get(pair);
    if (gaps === undefined) this.#byPair.set(pair, [{ from, to }]);
    else gaps.push({ from, to });
  }

  /** Takes one number out of its gap. False if it is in none. */
  fill(pair: number, sequence: number): boolean {
    const gaps = this.#byPair.get(pair);
    if (gaps === undefined) return false;
    const at = indexOfLastFrom(gaps, sequence);
    const gap = gaps[at];
    if (gap === undefined || sequence >= gap.to) return false;
    this.#cut(pair, gaps, at, gap, sequence);
    return true;
  }

  #cut(pair: number, gaps: Gap[], at: number, gap: Gap, sequence: number): void {
    if (gap.to - gap.from === 1) {
      gaps.splice(at, 1);
      this.#count--;
      if (gaps.length === 0) this.#byPair.delete(pair);
    } else if (sequence === gap.from) {
      gap.from++;
    } else if (sequence === gap.to - 1) {
      gap.to--;
    } else {
      gaps.splice(at + 1, 0, { from: sequence + 1, to: gap.to });
      gap.to = sequence;
      this.#count++;
    }
  }
}

/** The last gap that begins at or before `sequence`; -1 if there is none. */
function indexOfLastFrom(gaps: readonly Gap[], sequence: number): number {
  let low = 0;
  let high = gaps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (gaps[middle]!.from <= sequence) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
