import type { Backlog } from "./backlog.ts";
import { Caution } from "./caution.ts";
import type { CurrentLink } from "./current-link.ts";
import { Gathering } from "./gathering.ts";
import type { OutboxLimits } from "./limits.ts";

/** Decides how many envelopes may be sent at this moment, and how long messages may gather. No clock: moments are given in milliseconds. */
export class Pace {
  readonly #limits: OutboxLimits;
  readonly #isPacking: boolean;
  readonly #backlog: Backlog;
  readonly #link: CurrentLink;
  readonly #caution: Caution;
  readonly #gathering = new Gathering();

  /** @param isPacking whether messages travel in packs, on links where each envelope is costly */
  constructor(limits: OutboxLimits, isPacking: boolean, backlog: Backlog, link: CurrentLink) {
    this.#limits = limits;
    this.#isPacking = isPacking;
    this.#backlog = backlog;
    this.#link = link;
    this.#caution = new Caution(limits.stallMs);
  }

  /** Whether messages travel in packs on the current link. */
  get packs(): boolean {
    return this.#isPacking && this.#link.isCostly;
  }

  /** Whether anything may be sent before the broker settles another envelope, while `open` are unconfirmed. */
  mayTry(open: number): boolean {
    return this.#backlog.mayTry(open) && this.#caution.mayTry(open, this.#windowMax);
  }

  /** Whether the window is a quarter full or more: without confirms, messages would have to wait soon. */
  isTight(open: number): boolean {
    return open >= this.#windowMax / 4;
  }

  /** How many envelopes may be sent now, while `open` are unconfirmed. If it is more than 0, the caller sends at least one. */
  allowance(open: number, nowMs: number): number {
    const allowance = this.#backlog.allowance(open);
    return allowance > 0 ? Math.min(allowance, this.#caution.allowance(open, this.#windowMax, nowMs)) : 0;
  }

  /** How long messages may go on gathering, in milliseconds. */
  get lingerMs(): number {
    if (this.#backlog.waitingCount >= this.#limits.packCountMax || this.#backlog.hasRepeats) return 0;
    return this.#link.isCostly ? this.#gathering.lingerMs : 0;
  }

  sent(messages: number, nowMs: number): void {
    this.#gathering.sent(messages, nowMs);
  }

  confirmed(nowMs: number): void {
    this.#caution.confirmed(nowMs);
  }

  refused(nowMs: number): void {
    this.#caution.refused(nowMs);
  }

  /** Starts afresh, for a new link. */
  reset(): void {
    this.#caution.reset();
  }

  get #windowMax(): number {
    return this.packs ? this.#limits.packedWindowMax : this.#limits.windowMax;
  }
}
