import { backoffMs } from "../backoff.ts";
import type { Sent } from "../envelope/sealing.ts";
import type { CurrentLink } from "./current-link.ts";

/** After a refusal (basic.nack) the envelope is published again, after this wait. */
const refusalBackoff = { firstMs: 50, mostMs: 5000 } as const;
/** A link that has refused one envelope this often is given up: the broker may accept it on another link. */
const refusalsMax = 3;
/**
 * How long the broker may take to settle what else is on the wire before such a link is given up, in milliseconds. What is not settled then is
 * sent again over the next link, and may arrive twice.
 */
const settledWithinMs = 2000;

/**
 * Decides what follows a refusal: the envelope is sent again after a wait, or the link is given up. Until then nothing is sent (`Caution`), so
 * that all that is on the wire is settled, and only what was refused is sent again.
 */
export class Refusals {
  readonly #link: CurrentLink;
  /** Set when the link is to be given up. It runs out when the rest has had long enough. */
  #leaving: { readonly why: string; readonly timer: NodeJS.Timeout } | undefined;

  constructor(link: CurrentLink) {
    this.#link = link;
  }

  /** The broker has refused these. */
  refused(refused: readonly Sent[]): void {
    for (const sent of refused) sent.refusals++;
    if (this.#leaving !== undefined) return;
    const refusals = refused.reduce((most, sent) => Math.max(most, sent.refusals), 0);
    // A blocked link knows the cause already, and another link would not help.
    if (refusals < refusalsMax || this.#link.state === "blocked") {
      this.#cool(refusals);
      return;
    }
    const why = `RabbitMQ refused a message ${refusals} times`;
    this.#leaving = { why, timer: setTimeout(() => this.settled(), settledWithinMs) };
  }

  /** The broker has settled everything that was on the wire. */
  settled(): void {
    const leaving = this.#leaving;
    if (leaving === undefined) return;
    this.reset();
    if (this.#link.state === "blocked") this.#cool(refusalsMax);
    else this.#link.giveUpRefusing(leaving.why);
  }

  /** The link is lost. */
  reset(): void {
    clearTimeout(this.#leaving?.timer);
    this.#leaving = undefined;
  }

  #cool(refusals: number): void {
    this.#link.cool(backoffMs(refusals, refusalBackoff, Math.random()));
  }
}
