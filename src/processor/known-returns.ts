/**
 * Knows which messages came back because this process lost its connection while it held them. RabbitMQ counts such a return like the death
 * of a consumer. The ids are remembered even after the ack, which may be lost with the next connection.
 */
export class KnownReturns {
  readonly #idsMax: number;
  /** By message id, the least recently returned first. */
  readonly #counts = new Map<string, number>();

  /** @param idsMax how many messages are remembered; beyond that the least recently returned are forgotten */
  constructor(idsMax: number) {
    this.#idsMax = idsMax;
  }

  /** A session has ended that held the messages with these ids. */
  add(ids: Iterable<string | undefined>): void {
    for (const id of ids) {
      if (id === undefined) continue;
      const count = (this.#counts.get(id) ?? 0) + 1;
      this.#counts.delete(id);
      this.#counts.set(id, count);
      if (this.#counts.size > this.#idsMax) this.#counts.delete(this.#counts.keys().next().value!);
    }
  }

  /** How many of these returns may have been deaths of a consumer. */
  unexplained(id: string | undefined, returns: number): number {
    if (returns === 0 || id === undefined) return returns;
    return returns - (this.#counts.get(id) ?? 0);
  }
}
