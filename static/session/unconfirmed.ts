import type { OwnEntry } from "./entry.ts";

/** Past it the oldest are forgotten, which costs them their state, no more. */
export const unconfirmedMax = 1_000;

/** One's own messages that were sent and of which nobody has said that the broker has them, by their receipt. */
export class Unconfirmed {
  readonly #byReceipt = new Map<string, OwnEntry>();

  add(receipt: string, entry: OwnEntry): void {
    this.#byReceipt.set(receipt, entry);
    if (this.#byReceipt.size > unconfirmedMax) this.#byReceipt.delete(this.#byReceipt.keys().next().value!);
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
