import type { ClientEvent } from "./event.ts";
import { Untold } from "./untold.ts";

/** From so many on, the memory is given back when it is emptied. */
const keptMax = 8192;

/** What may be told of a client: by its place in this list (`kindOf`). */
const kinds = ["connected", "disconnected", "subscribed", "unsubscribed"] as const;

/**
 * Events that wait to be told, in order. Each client that connects has some, though hardly anybody listens: so there is no object for
 * each of them, but columns that are used again and again. An object for each event, for as long as they wait, had the
 * manager collect garbage a quarter more often while clients connect.
 */
export class Gathered implements Iterable<Untold> {
  /** The number of the connection times four, and the kind. */
  #codes: number[] = [];
  #times: number[] = [];
  #ids: (string | undefined)[] = [];
  #details: (string | undefined)[] = [];
  #addresses: (string | undefined)[] = [];
  /** The first one that waits still, and the place after the last one. */
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  /**
   * @param number of the connection
   * @param id undefined: the client has none
   * @param atMs milliseconds since 1970
   * @param detail the protocol where a client connected, the reason where it disconnected, and otherwise the topic
   * @param address the client's, where it connected and addresses are counted
   */
  add(
    event: ClientEvent["event"],
    number: number,
    id: string | undefined,
    atMs: number,
    detail: string | undefined,
    address: string | undefined,
  ): void {
    const at = this.#to++;
    this.#codes[at] = number * 4 + kindOf(event);
    this.#times[at] = atMs;
    this.#ids[at] = id;
    this.#details[at] = detail;
    this.#addresses[at] = address;
  }

  /** @param index from 0 on, less than `length` */
  eventOf(index: number): ClientEvent["event"] {
    return kinds[this.#codes[this.#from + index]! % 4]!;
  }

  /** The number of the connection. */
  numberOf(index: number): number {
    return Math.floor(this.#codes[this.#from + index]! / 4);
  }

  /** Undefined: the client has none. */
  idOf(index: number): string | undefined {
    return this.#ids[this.#from + index];
  }

  at(index: number): Untold {
    const place = this.#from + index;
    return new Untold(
      this.eventOf(index),
      this.numberOf(index),
      this.#ids[place],
      this.#times[place]!,
      this.#details[place],
      this.#addresses[place],
    );
  }

  /** Forgets the first ones. */
  drop(count: number): void {
    this.#from += count;
    if (this.#from >= this.#to) this.clear();
    else if (this.#from > keptMax) {
      for (const column of [this.#codes, this.#times, this.#ids, this.#details, this.#addresses])
        column.splice(0, this.#from);
      this.#to -= this.#from;
      this.#from = 0;
    }
  }

  clear(): void {
    if (this.#to > keptMax) {
      this.#codes = [];
      this.#times = [];
      this.#ids = [];
      this.#details = [];
      this.#addresses = [];
    } else {
      // What clients are called is not kept any longer than they are told of.
      this.#ids.fill(undefined, 0, this.#to);
      this.#details.fill(undefined, 0, this.#to);
      this.#addresses.fill(undefined, 0, this.#to);
    }
    this.#from = 0;
    this.#to = 0;
  }

  addAll(events: Iterable<Untold>): void {
    for (const { event, number, id, at, detail, address } of events)
      this.add(event, number, id, at, detail, address);
  }

  *[Symbol.iterator](): Iterator<Untold> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

function kindOf(event: ClientEvent["event"]): number {
  if (event === "connected") return 0;
  if (event === "disconnected") return 1;
  return event === "subscribed" ? 2 : 3;
}
