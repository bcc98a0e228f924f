import type { Refusal } from "../broker/broker.ts";
import type { Sent } from "../envelope/sealing.ts";

/** After the broker has closed a link, up to this many suspects are sent one by one. If there are more, this many are sent at once. */
const togetherMax = 64;

/** An envelope over which the broker has closed a link this often, while nothing else was on the wire, is given up. */
const closesMax = 2;
/** The same where the broker itself may have failed. It has recovered by then, since the wait before each new link grows. */
const doubtfulClosesMax = 6;

/** How often a broker that refuses like this has to close a link over an envelope before that is given up. */
export function closesMaxOf({ isDoubtful }: Pick<Refusal, "isDoubtful">): number {
  return isDoubtful ? doubtfulClosesMax : closesMax;
}

/**
 * Finds out over which envelope the broker closes its links. The broker confirms in batches, so an unconfirmed envelope may be good or bad.
 * No I/O.
 *
 * Of thousands of suspects, 64 at a time are sent, and nothing else until these are settled. If the bad one is among them, these are sent
 * one by one. So it takes some hundred round trips, and each good envelope is sent three times at most.
 */
export class Suspicion {
  /** Whether suspects are on the wire, so that nothing may be sent beside them. */
  #isTrying = false;

  /**
   * The broker has closed a link over one of these, which are in order. Returns the culprit if only one is possible.
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

  /** Each of these may be what the broker does not take. */
  suspect(suspects: readonly Sent[]): void {
    const suspected = suspects.length > togetherMax ? "together" : "alone";
    for (const sent of suspects) sent.suspected = suspected;
  }

  /** The link is lost, so nothing is on the wire. */
  reset(): void {
    this.#isTrying = false;
  }

  /** Whether anything may be sent before the broker settles another envelope. @param first the next envelope to be sent again */
  mayTry(first: Sent | undefined, open: number): boolean {
    return open === 0 || (first?.suspected === undefined && !this.#isTrying);
  }

  /** How many envelopes may be sent now. @param next begins with the next ones to be sent @param open how many are unconfirmed */
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

  /** An envelope was sent. */
  sent({ suspected }: Sent): void {
    if (suspected !== undefined) this.#isTrying = true;
  }
}
