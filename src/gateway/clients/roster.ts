import type { ClientSocket } from "./client.ts";

/** How many lists there are, so that `Liveness` can visit a few at a time. */
export const lists = 72;

/**
 * All clients that are connected, in lists of about the same length. A client's seat knows its place, and a client that leaves is
 * replaced by the last of the list: that takes a quarter of the memory of a set, and there may be very many.
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

  /** Clients may go while this is read: it begins at the end, since a client that goes is replaced by the last one. */
  *ofList(index: number): Iterable<ClientSocket> {
    const list = this.#lists[index]!;
    for (let place = list.length - 1; place >= 0; place--) yield list[place]!;
  }

  /** All of them, without an iterator. None may come or go meanwhile. */
  forEach(visit: (client: ClientSocket) => void): void {
    for (const list of this.#lists) for (let place = 0; place < list.length; place++) visit(list[place]!);
  }

  *[Symbol.iterator](): Iterator<ClientSocket> {
    for (let index = 0; index < lists; index++) yield* this.ofList(index);
  }
}
