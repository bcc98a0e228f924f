/** How many owners are remembered. Only a foreign program would make up more; these are ignored. */
const ownersMax = 10_000;

/** What a watcher knows about a manager with members. Times are in milliseconds. */
export interface OwnerRecord {
  /** The number of its last message. */
  number: number;
  /** When it was last asked to send everything again. */
  askedMs: number;
  /** When it was last sent the whole list of topics. */
  listedMs: number;
}

/** The managers that have members of topics watched here. */
export class Owners {
  readonly #byManager = new Map<string, OwnerRecord>();

  /** Undefined if there are too many. */
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
