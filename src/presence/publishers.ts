/** How many publishers are remembered. Only a foreign program would make up more; these are ignored. */
const publishersMax = 10_000;

/** What a watcher knows about a manager with members. Times are in milliseconds. */
export interface PublisherRecord {
  /** The number of its last message. */
  number: number;
  /** When it was last asked to send everything again. */
  askedMs: number;
  /** When it was last sent the whole list of topics. */
  listedMs: number;
}

/** The managers that have members of topics watched here. */
export class Publishers {
  readonly #byManager = new Map<string, PublisherRecord>();

  /** Undefined if there are too many. */
  of(manager: string): PublisherRecord | undefined {
    let publisher = this.#byManager.get(manager);
    if (publisher === undefined && this.#byManager.size < publishersMax) {
      publisher = { number: 0, askedMs: Number.NEGATIVE_INFINITY, listedMs: Number.NEGATIVE_INFINITY };
      this.#byManager.set(manager, publisher);
    }
    return publisher;
  }

  gone(manager: string): void {
    this.#byManager.delete(manager);
  }
}
