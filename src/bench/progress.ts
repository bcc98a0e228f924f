import { count, duration } from "./figures.ts";
import type { Inbox } from "./inbox.ts";
import type { Plan } from "./plan.ts";

/** Where text is written: standard output or standard error. */
export interface Output {
  /** Writes what is shown. */
  write(text: string): unknown;
  /** Whether somebody watches: a line may be written over then. */
  readonly isTTY?: boolean | undefined;
}

const intervalMs = 1000;

/** How the run is going, once a second: rewritten in place on a terminal, else a line each time. */
export class Progress {
  readonly #plan: Plan;
  readonly #inbox: Inbox;
  readonly #sent: () => number;
  readonly #output: Output;
  readonly #startMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #lastSent = 0;
  #lastRelayed = 0;
  #lastProcessed = 0;

  constructor(plan: Plan, inbox: Inbox, sent: () => number, output: Output) {
    this.#plan = plan;
    this.#inbox = inbox;
    this.#sent = sent;
    this.#output = output;
    this.#timer = setInterval(() => this.#show(), intervalMs);
  }

  /** Stops, and leaves the terminal's line empty. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY) this.#output.write("\r\x1b[K");
  }

  #show(): void {
    const elapsedMs = performance.now() - this.#startMs;
    const sent = this.#sent();
    const relayed = this.#inbox.relayed.delivered;
    const processed = this.#inbox.processed?.delivered ?? 0;
    // The last second's rates: totals are in the result, and a line has to fit into 80 columns.
    const parts = [
      elapsedMs < this.#plan.totalMs
        ? `${Math.floor(elapsedMs / 1000)} of ${duration(this.#plan.totalMs)}`
        : "waiting for the last",
      `sent ${count(sent - this.#lastSent)}/s`,
      `relayed ${count(relayed - this.#lastRelayed)}/s`,
      processed === 0 ? "no processor" : `processed ${count(processed - this.#lastProcessed)}/s`,
    ];
    [this.#lastSent, this.#lastRelayed, this.#lastProcessed] = [sent, relayed, processed];
    const line = parts.join(" · ");
    this.#output.write(this.#output.isTTY ? `\r${line}\x1b[K` : `${line}\n`);
  }
}
