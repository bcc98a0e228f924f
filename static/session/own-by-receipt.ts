import type { OwnEntry } from "./entry.ts";

/** Past it the oldest are forgotten: what is still to be learned of them is not shown then. */
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
