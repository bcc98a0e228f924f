import type { ClientSocket } from "./client.ts";

/** The number of lists. `Liveness` visits a few lists at a time. */
export const lists = 72;

/**
 * All connected clients, in lists of about the same length. A client's seat knows its place, and a client that leaves is replaced by the
 * last one of its list. That takes a quarter of the memory of a set, which matters for very many clients.
 */
export class Roster implements Iterable<ClientSocket> {
  readonly #lists: readonly ClientSocket[][] = Array.from({ length: lists }, () => []);
  #size = 0;
  #next = 0;

  get size(): number {
    return this.#size;
  }

  add(socket: ClientSocket): void {
    const { seat } = socket.data;
    seat.list = this.#next;
    seat.place = this.#lists[seat.list]!.push(socket) - 1;
    this.#next = (this.#next + 1) % lists;
    this.#size++;
  }

  has({ data: { seat } }: ClientSocket): boolean {
    return seat.place >= 0;
  }

  delete({ data: { seat } }: ClientSocket): void {
    if (seat.place < 0) return;
    const list = this.#lists[seat.list]!;
    const last = list.pop()!;
    if (last.data.seat !== seat) {
      list[seat.place] = last;
      last.data.seat.place = seat.place;
    }
    seat.place = -1;
    this.#size--;
  }

  /** The clients of a list. Clients may leave during the iteration: it goes backwards, since a client that leaves is replaced by the last one. */
  *ofList(index: number): Iterable<ClientSocket> {
    const list = this.#lists[index]!;
    for (let place = list.length - 1; place >= 0; place--) yield list[place]!;
  }

  /** Visits all clients, without an iterator. No client may come or go meanwhile. */
  forEach(visit: (client: ClientSocket) => void): void {
    for (const list of this.#lists) for (let place = 0; place < list.length; place++) visit(list[place]!);
  }

  *[Symbol.iterator](): Iterator<ClientSocket> {
    for (let index = 0; index < lists; index++) yield* this.ofList(index);
  }
}
