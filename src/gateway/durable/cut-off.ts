import { type BackoffLimits, backoffMs } from "../../backoff.ts";
import type { Task } from "../../ops/loop-time.ts";
import type { Slices } from "../clients/slices.ts";
import type { DurableSubscription } from "./subscription.ts";

/** How many are tried again before the clock is read again. */
const triesPerLook = 16;

/** Subscriptions whose sweeps were cut off. After a wait they are tried again, by turns. */
export class CutOff implements Task {
  readonly #slices: Slices;
  readonly #retryBackoff: BackoffLimits;
  readonly #onRetry: (subscription: DurableSubscription) => void;
  readonly #all = new Set<DurableSubscription>();
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param onRetry called for each, unless it was deleted before */
  constructor(
    slices: Slices,
    retryBackoff: BackoffLimits,
    onRetry: (subscription: DurableSubscription) => void,
  ) {
    this.#slices = slices;
    this.#retryBackoff = retryBackoff;
    this.#onRetry = onRetry;
  }

  get size(): number {
    return this.#all.size;
  }

  /** A sweep was cut off. The wait is longer with each that is. */
  failed(): void {
    this.#failures++;
    const waitMs = backoffMs(this.#failures, this.#retryBackoff, Math.random());
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#slices.ask(this);
    }, waitMs);
  }

  /** A sweep has come to its end. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** Adds one that waits, or does not have to wait any more if its sweep was cut off long ago. */
  add(subscription: DurableSubscription): void {
    this.#all.add(subscription);
    if (this.#timer === undefined) this.#slices.ask(this);
  }

  delete(subscription: DurableSubscription): void {
    this.#all.delete(subscription);
  }

  /** Removes and returns all of them. */
  takeAll(): DurableSubscription[] {
    const all = [...this.#all];
    this.close();
    return all;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#all.clear();
    this.#slices.forget(this);
  }

  run(untilMs: number): void {
    let count = 0;
    for (const subscription of this.#all) {
      this.#all.delete(subscription);
      this.#onRetry(subscription);
      if (++count % triesPerLook === 0 && this.#slices.now() >= untilMs) break;
    }
    if (this.#all.size > 0) this.#slices.ask(this);
  }
}
