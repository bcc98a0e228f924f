import type { OwnEntry } from "./entry.ts";

/** How many messages are kept. Beyond that the oldest are forgotten, and their state is no longer updated. */
export const awaitedMax = 1_000;

/** Own messages that wait for something, by the receipt or the id with which it will come. */
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
