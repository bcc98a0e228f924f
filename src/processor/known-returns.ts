/**
 * Why messages came back, as far as this process knows: it held them when its connection was lost, and lives. RabbitMQ counts
 * such a return as it counts the death of a consumer. It remembers that beyond the ack, which may be lost with the next connection.
 */
export class KnownReturns {
  readonly #idsMax: number;
  /** The least recently returned first. */
  readonly #counts = new Map<string, number>();

  /** @param idsMax messages that are remembered; then the least recently returned are forgotten */
  constructor(idsMax: number) {
    this.#idsMax = idsMax;
  }

  /** A session ended that held the messages with these ids. */
  add(ids: Iterable<string | undefined>): void {
    for (const id of ids) {
      if (id === undefined) continue;
      const count = (this.#counts.get(id) ?? 0) + 1;
      this.#counts.delete(id);
      this.#counts.set(id, count);
      if (this.#counts.size > this.#idsMax) this.#counts.delete(this.#counts.keys().next().value!);
    }
  }

  /** How many of a number of returns may have been deaths. */
  unexplained(id: string | undefined, returns: number): number {
    if (returns === 0 || id === undefined) return returns;
    return returns - (this.#counts.get(id) ?? 0);
  }
}
