import type { OwnEntry } from "./entry.ts";

/** How many are kept; beyond it the oldest are forgotten, and the page shows nothing more of what becomes of them. */
export const awaitedMax = 1_000;

/** One's own messages of which something is still to come, by a name that it will come under: a receipt, or an id. */
export class OwnMessages {
  readonly #byName = new Map<string, OwnEntry>();

  add(name: string, entry: OwnEntry): void {
    this.#byName.set(name, entry);
    if (this.#byName.size > awaitedMax) this.#byName.delete(this.#byName.keys().next().value!);
  }

  find(name: string): OwnEntry | undefined {
    return this.#byName.get(name);
  }

  take(name: string): OwnEntry | undefined {
    const entry = this.#byName.get(name);
    this.#byName.delete(name);
    return entry;
  }

  entries(): IterableIterator<OwnEntry> {
    return this.#byName.values();
  }
}
