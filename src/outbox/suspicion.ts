import type { Refusal } from "../broker/broker.ts";
import type { Sent } from "../envelope/sealing.ts";

/** This many suspects are sent one by one when the broker has closed a link over one of them, and this many at once if there are more. */
const togetherMax = 64;

/** An envelope over which the broker has closed a link this often, while nothing else was on its way, is given up. */
const closesMax = 2;
/** How often the link may be closed where the broker itself may have failed: it has recovered by then, since each new link waits longer. */
const doubtfulClosesMax = 6;

/** How often a broker that refuses like this has to close over an envelope for it to be given up. */
export function closesMaxOf({ isDoubtful }: Pick<Refusal, "isDoubtful">): number {
  return isDoubtful ? doubtfulClosesMax : closesMax;
}

/**
 * Finds out over which envelope a broker closes its links. It confirms in batches, so that what it has not confirmed may be good
 * or bad. No I/O.
 *
 * Of thousands of suspects, 64 at a time are sent, and nothing else before these are settled; those among which the bad one is,
 * alone. So it takes some hundred round trips, and each good one is sent three times at most.
 */
export class Suspicion {
  /** Suspects are on their way, and nothing may be sent beside them. */
  #isTrying = false;

  /**
   * The broker has closed a link over one of these, which are in order. Returns the one that nothing else can have been, if there
   * is one.
   */
  accuse(suspects: readonly Sent[]): Sent | undefined {
    if (suspects.length === 1) {
      const [only] = suspects as [Sent];
      only.suspected = "alone";
      only.closes++;
      return only;
    }
    this.suspect(suspects);
    return undefined;
  }

  /** One of these may be what the broker does not take. */
  suspect(suspects: readonly Sent[]): void {
    const suspected = suspects.length > togetherMax ? "together" : "alone";
    for (const sent of suspects) sent.suspected = suspected;
  }

  /** The link is lost: nothing is on its way. */
  reset(): void {
    this.#isTrying = false;
  }

  /** Whether anything may be sent before the broker settles another envelope. `first` is what would be, of those sent before. */
  mayTry(first: Sent | undefined, open: number): boolean {
    return open === 0 || (first?.suspected === undefined && !this.#isTrying);
  }

  /** How many envelopes may be sent now, of which these are the first, while `open` are on their way. */
  allowance(next: readonly Sent[], open: number): number {
    if (!this.mayTry(next[0], open)) return 0;
    if (open === 0) this.#isTrying = false;
    const first = next[0]?.suspected;
    if (first === "alone") return 1;
    let count = 0;
    const countMax = first === undefined ? next.length : Math.min(next.length, togetherMax);
    while (count < countMax && next[count]!.suspected === first) count++;
    return first === undefined && count === next.length ? Number.POSITIVE_INFINITY : count;
  }

  /** This one is sent. */
  sent({ suspected }: Sent): void {
    if (suspected !== undefined) this.#isTrying = true;
  }
}
