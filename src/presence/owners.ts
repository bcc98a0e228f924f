/** Owners that are known. Only a program that makes them up has more: they are not heard. */
const ownersMax = 10_000;

/** What a watcher knows of a manager that has members. Times are in milliseconds. */
export interface OwnerRecord {
  /** The number of what it said last. */
  number: number;
  /** When it was asked to say all again. */
  askedMs: number;
  /** When it was told the whole list of topics. */
  listedMs: number;
}

/** The managers that have members of topics that are watched here. */
export class Owners {
  readonly #byManager = new Map<string, OwnerRecord>();

  /** Undefined where there are too many. */
  of(manager: string): OwnerRecord | undefined {
    let owner = this.#byManager.get(manager);
    if (owner === undefined && this.#byManager.size < ownersMax) {
      owner = { number: 0, askedMs: Number.NEGATIVE_INFINITY, listedMs: Number.NEGATIVE_INFINITY };
      this.#byManager.set(manager, owner);
    }
    return owner;
  }

  gone(manager: string): void {
    this.#byManager.delete(manager);
  }
}
