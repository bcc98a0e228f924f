import type { ClientSocket } from "./client.ts";

/**
 * Clients with waiting input, by how many slices they have had since some of it waits. The highest level has those that had so many or
 * more. In each level the first is next.
 */
export class Levels {
  readonly highest: number;
  readonly #levels: readonly Set<ClientSocket>[];
  /** How many slices clients have had. Those that had none are not listed. */
  readonly #slices = new Map<ClientSocket, number>();
  /** The level that `passedOver` chose last. */
  #chosen = 0;

  constructor(highest: number) {
    this.highest = highest;
    this.#levels = Array.from({ length: highest + 1 }, () => new Set<ClientSocket>());
  }

  get isEmpty(): boolean {
    return this.#levels.every(({ size }) => size === 0);
  }

  /** All levels, with the clients on them. Clients may be added and removed meanwhile. */
  entries(): Iterable<[level: number, clients: ReadonlySet<ClientSocket>]> {
    return this.#levels.entries();
  }

  /** The client is the last on its level. */
  add(socket: ClientSocket): void {
    this.#levels[this.#slices.get(socket) ?? 0]!.add(socket);
  }

  /** The client is on no level for now. It keeps the slices that it had. */
  remove(socket: ClientSocket): void {
    for (const level of this.#levels) level.delete(socket);
  }

  /** From the next time that it is added, the client counts as one that had so many slices. */
  setSlices(socket: ClientSocket, slices: number): void {
    this.#slices.set(socket, Math.min(slices, this.highest));
  }

  /** No input of the client waits: when some does again, it has had no slices. */
  forget(socket: ClientSocket): void {
    this.remove(socket);
    this.#slices.delete(socket);
  }

  /** The first client of a level above this one, each time of another level; undefined if there is none. */
  passedOver(reached: number): [level: number, socket: ClientSocket] | undefined {
    for (let step = 0; step < this.highest; step++) {
      const level = ((this.#chosen + step) % this.highest) + 1;
      const [first] = this.#levels[level]!;
      if (level <= reached || first === undefined) continue;
      this.#chosen = level;
      return [level, first];
    }
    return undefined;
  }
}
