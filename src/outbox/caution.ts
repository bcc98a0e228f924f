/**
 * How much an outbox may put on the wire at this moment.
 *
 * `going`: up to the window. `stalled`: no confirm has come for `stallMs`; whatever the reason, more on the wire would only be more to
 * repeat. `settling`: the broker has refused an envelope, and nothing is sent until everything on the wire is settled, so that nothing
 * newer overtakes it. `probing`: the first refused envelope is on the wire, alone.
 */
type State = "going" | "stalled" | "settling" | "probing";

/**
 * Decides when to send less than the window allows. No I/O, no clock: moments are given in milliseconds.
 *
 * In normal operation confirms keep coming, if late, so only a silent broker stalls an outbox.
 */
export class Caution {
  readonly #stallMs: number;
  #state: State = "going";
  /** When the broker last settled something, or had nothing to settle. */
  #heardAtMs = 0;

  /** @param stallMs how long the broker may be silent with envelopes on the wire before no more are sent */
  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  /** Whether anything may be sent before the broker settles another envelope. */
  mayTry(open: number, windowMax: number): boolean {
    if (this.#state === "going") return open < windowMax;
    return this.#state === "settling" && open === 0;
  }

  /** How many envelopes may be sent now, while `open` are unconfirmed. If it is more than 0, the caller sends at least one. */
  allowance(open: number, windowMax: number, nowMs: number): number {
    if (!this.mayTry(open, windowMax)) return 0;
    if (this.#state === "settling") {
      this.#state = "probing";
      return 1;
    }
    if (open === 0) this.#heardAtMs = nowMs;
    if (nowMs - this.#heardAtMs <= this.#stallMs) return windowMax - open;
    this.#state = "stalled";
    return 0;
  }

  /** The broker has confirmed envelopes. */
  confirmed(nowMs: number): void {
    this.#heardAtMs = nowMs;
    // While settling, these confirms are for envelopes that were sent before the refusal.
    if (this.#state !== "settling") this.#state = "going";
  }

  /** The broker has refused envelopes. */
  refused(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#state = "settling";
  }

  /** Starts afresh, for a new link. */
  reset(): void {
    this.#state = "going";
  }
}
