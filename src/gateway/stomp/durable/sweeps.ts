import { type BackoffLimits, backoffMs } from "../../../broker/backoff.ts";
import type { LogWindow } from "../../../log/window.ts";
import type { SharedLog } from "./shared-log.ts";
import type { DurableSubscription } from "./subscription.ts";
import { Sweep, type SweepEvents } from "./sweep.ts";
import type { Tails } from "./tails.ts";

/** Readings of the log at the same time, however many clients come back. */
const sweepsMax = 4;
/** Between sweeps that were cut off. */
export const defaultRetryBackoff: BackoffLimits = { firstMs: 100, mostMs: 5000 };

/** Subscriptions whose places are older than what is in memory. They share a few sweeps of the log. */
export class Sweeps {
  readonly #log: SharedLog;
  readonly #window: LogWindow;
  readonly #tails: Tails;
  readonly #events: Omit<SweepEvents, "ended">;
  readonly #retryBackoff: BackoffLimits;
  readonly #running = new Set<Sweep>();
  readonly #waiting = new Set<DurableSubscription>();
  #startImmediate: NodeJS.Immediate | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(
    log: SharedLog,
    window: LogWindow,
    tails: Tails,
    events: Omit<SweepEvents, "ended">,
    retryBackoff: BackoffLimits,
  ) {
    this.#log = log;
    this.#window = window;
    this.#tails = tails;
    this.#events = events;
    this.#retryBackoff = retryBackoff;
  }

  get count(): number {
    return this.#running.size;
  }

  add(subscription: DurableSubscription): void {
    subscription.state = { is: "sweeping" };
    for (const sweep of this.#running) if (sweep.join(subscription)) return;
    this.#waiting.add(subscription);
    // At the end of the turn, so that those who come together go together.
    this.#startImmediate ??= setImmediate(() => this.#start());
  }

  remove(subscription: DurableSubscription): void {
    if (this.#waiting.delete(subscription)) return;
    for (const sweep of this.#running) if (sweep.remove(subscription)) return;
  }

  close(): void {
    clearImmediate(this.#startImmediate);
    clearTimeout(this.#retryTimer);
    for (const sweep of this.#running) sweep.stop();
    this.#running.clear();
    this.#waiting.clear();
  }

  #start(): void {
    this.#startImmediate = undefined;
    if (this.#waiting.size === 0 || this.#running.size >= sweepsMax || this.#retryTimer !== undefined) return;
    const passengers = [...this.#waiting];
    this.#waiting.clear();
    const sweep: Sweep = new Sweep(this.#log, this.#window, this.#tails, passengers, {
      ...this.#events,
      arrived: (subscription, sequence) => {
        this.#failures = 0;
        this.#events.arrived(subscription, sequence);
      },
      ended: (left) => this.#ended(sweep, left),
    });
    this.#running.add(sweep);
  }

  #ended(sweep: Sweep, left: readonly DurableSubscription[]): void {
    this.#running.delete(sweep);
    for (const subscription of left) this.#waiting.add(subscription);
    if (left.length > 0) {
      this.#failures++;
      this.#retryTimer ??= setTimeout(
        () => {
          this.#retryTimer = undefined;
          this.#start();
        },
        backoffMs(this.#failures, this.#retryBackoff, Math.random()),
      );
    } else if (this.#waiting.size > 0) this.#startImmediate ??= setImmediate(() => this.#start());
  }
}
