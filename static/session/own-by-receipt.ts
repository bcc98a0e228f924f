import type { OwnEntry } from "./entry.ts";

/** How many are kept; beyond it the oldest are forgotten, and the page shows nothing more of what becomes of them. */
export const awaitedMax = 1_000;

/** One's own messages that were sent and of which something is still to come, by their receipt. */
export class OwnByReceipt {
  readonly #byReceipt = new Map<string, OwnEntry>();

  add(receipt: string, entry: OwnEntry): void {
    this.#byReceipt.set(receipt, entry);
    if (this.#byReceipt.size > awaitedMax) this.#byReceipt.delete(this.#byReceipt.keys().next().value!);
  }

  take(receipt: string): OwnEntry | undefined {
    const entry = this.#byReceipt.get(receipt);
    this.#byReceipt.delete(receipt);
    return entry;
  }

  entries(): IterableIterator<OwnEntry> {
    return this.#byReceipt.values();
  }
}
