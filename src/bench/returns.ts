import { type BackoffLimits, backoffMs } from "../backoff.ts";
import { Histogram } from "./histogram.ts";

/** The waits between attempts to come back. */
const backoff: BackoffLimits = { firstMs: 250, mostMs: 5000 };

/** Clients that come back when their connection ends (`--stay`), and what that costs them. */
export class Returns {
  /** How long clients were away, from a connection's end until the client was back, in microseconds. */
  readonly away = new Histogram();
  /** Messages that were sent while a client was away, summed over all absences. Durable ones get them later. */
  missed = 0;
  /** Clients that are away now. */
  awayCount = 0;
  readonly #sent: () => number;
  #isOver = false;
  readonly #timers = new Set<NodeJS.Timeout>();

  /** @param sent how many messages have been sent so far, over all publishers */
  constructor(sent: () => number) {
    this.#sent = sent;
  }

  /**
   * A client's connection has ended.
   *
   * @param tryAgain resolves with whether the client is back
   */
  left(tryAgain: (attempt: number) => Promise<boolean>): void {
    if (this.#isOver) return;
    const sinceNanos = Bun.nanoseconds();
    const sentBefore = this.#sent();
    this.awayCount++;
    const attempt = (number: number) => {
      const timer = setTimeout(
        async () => {
          this.#timers.delete(timer);
          const isBack = await tryAgain(number);
          if (this.#isOver) return;
          if (!isBack) {
            attempt(number + 1);
            return;
          }
          this.awayCount--;
          this.missed += this.#sent() - sentBefore;
          this.away.record((Bun.nanoseconds() - sinceNanos) / 1000);
        },
        backoffMs(number, backoff, Math.random()),
      );
      this.#timers.add(timer);
    };
    attempt(1);
  }

  /** Nobody comes back any more. */
  close(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
