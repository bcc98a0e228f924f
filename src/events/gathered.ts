import type { ClientEvent } from "./event.ts";
import { PendingEvent } from "./pending-event.ts";

/** If it had this many events, its memory is freed when it is emptied. */
const keptMax = 8192;

/** The kinds of events. Their index in this list is stored. */
const kinds = ["connected", "disconnected", "subscribed", "unsubscribed"] as const;

/**
 * Waiting events, in order. Each client that connects has some, although hardly anybody listens. So they are kept in reused columns instead
 * of an object for each, which had the manager collect garbage more often while clients connect (docs/decisions.md has figures).
 */
export class Gathered implements Iterable<PendingEvent> {
  /** The connection's number times four, plus the kind. */
  #codes: number[] = [];
  #times: number[] = [];
  #ids: (string | undefined)[] = [];
  #details: (string | undefined)[] = [];
  #addresses: (string | undefined)[] = [];
  /** The index of the first waiting event, and that after the last one. */
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  /**
   * @param number the connection's
   * @param id undefined: the client has none
   * @param atMs milliseconds since 1970
   * @param detail for a connect the protocol, for a disconnect the reason, and otherwise the topic
   * @param address the client's, for a connect, if addresses are counted
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

  /** @param index from 0, less than `length` */
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

  /** For a connect the protocol, for a disconnect the reason, and otherwise the topic. */
  detailOf(index: number): string | undefined {
    return this.#details[this.#from + index];
  }

  at(index: number): PendingEvent {
    const place = this.#from + index;
    return new PendingEvent(
      this.eventOf(index),
      this.numberOf(index),
      this.#ids[place],
      this.#times[place]!,
      this.#details[place],
      this.#addresses[place],
    );
  }

  /** Removes some of the first events. @param count how many are looked at */
  remove(count: number, isOut: (index: number) => boolean): void {
    // Those that stay move up to the events after them.
    let to = this.#from + count;
    for (let at = count - 1; at >= 0; at--) if (!isOut(at)) this.#move(this.#from + at, --to);
    this.drop(to - this.#from);
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    this.#codes[to] = this.#codes[from]!;
    this.#times[to] = this.#times[from]!;
    this.#ids[to] = this.#ids[from];
    this.#details[to] = this.#details[from];
    this.#addresses[to] = this.#addresses[from];
  }

  /** Removes the first events. */
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
      // Clients' ids are not kept once no event waits.
      this.#ids.fill(undefined, 0, this.#to);
      this.#details.fill(undefined, 0, this.#to);
      this.#addresses.fill(undefined, 0, this.#to);
    }
    this.#from = 0;
    this.#to = 0;
  }

  *[Symbol.iterator](): Iterator<PendingEvent> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

function kindOf(event: ClientEvent["event"]): number {
  if (event === "connected") return 0;
  if (event === "disconnected") return 1;
  return event === "subscribed" ? 2 : 3;
}
