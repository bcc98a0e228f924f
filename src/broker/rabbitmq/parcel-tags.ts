import { Deque } from "../../collections/deque.ts";
import type { PlainCopies } from "../../envelope/plain-copies.ts";

/** An envelope on the wire with its copies: AMQP messages with consecutive delivery tags. */
interface Parcel {
  /** Its number among the envelopes of this link. */
  readonly tag: number;
  readonly firstTag: number;
  readonly size: number;
  readonly copies: PlainCopies | undefined;
  /** Which part each of them is; undefined if they are all parts, in order. */
  readonly parts: readonly number[] | undefined;
  /** How many of the first are settled, and which others. */
  prefix: number;
  settled: Set<number> | undefined;
  left: number;
  isRefused: boolean;
}

/** Hears of an envelope when RabbitMQ has settled all of its parts. */
export type OnSettled = (tag: number, isRefused: boolean) => void;

/**
 * Which envelopes RabbitMQ's confirms and refusals are about, where some have plain copies beside them: an envelope is confirmed
 * when all of it is, and refused when all of it is settled and not all confirmed. No I/O.
 */
export class ParcelTags {
  readonly #onSettled: OnSettled;
  readonly #open = new Deque<Parcel>();
  #nextTag = 1;
  #nextFirst = 1;

  constructor(onSettled: OnSettled) {
    this.#onSettled = onSettled;
  }

  /** Its parts that RabbitMQ does not have are about to be written. Returns how many these are. */
  add(copies: PlainCopies | undefined): number {
    const size = copies === undefined ? 1 : copies.due;
    this.#open.push({
      tag: this.#nextTag++,
      firstTag: this.#nextFirst,
      size,
      copies,
      parts: copies?.dueParts(),
      prefix: 0,
      settled: undefined,
      left: size,
      isRefused: false,
    });
    this.#nextFirst += size;
    return size;
  }

  /** RabbitMQ has settled the message with this delivery tag; with `multiple`, all up to it that it had not settled before. */
  settle(deliveryTag: number, multiple: boolean, isTaken: boolean): void {
    if (multiple) {
      for (let index = 0; index < this.#open.length; index++) {
        const parcel = this.#open.at(index)!;
        if (parcel.firstTag > deliveryTag) break;
        const last = Math.min(parcel.size - 1, deliveryTag - parcel.firstTag);
        for (let part = parcel.prefix; part <= last; part++) this.#settlePart(parcel, part, isTaken);
      }
    } else {
      const parcel = this.#parcelOf(deliveryTag);
      if (parcel !== undefined) this.#settlePart(parcel, deliveryTag - parcel.firstTag, isTaken);
    }
    while (this.#open.at(0)?.left === 0) this.#open.shift();
  }

  #settlePart(parcel: Parcel, index: number, isTaken: boolean): void {
    if (index < parcel.prefix || parcel.settled?.has(index)) return;
    if (index === parcel.prefix) {
      parcel.prefix++;
      while (parcel.settled?.delete(parcel.prefix)) parcel.prefix++;
    } else {
      parcel.settled ??= new Set();
      parcel.settled.add(index);
    }
    parcel.left--;
    if (!isTaken) parcel.isRefused = true;
    else if (parcel.left > 0 || parcel.isRefused) parcel.copies?.take(parcel.parts?.[index] ?? index);
    if (parcel.left === 0) this.#onSettled(parcel.tag, parcel.isRefused);
  }

  /** The one with this delivery tag, unless it is settled. */
  #parcelOf(deliveryTag: number): Parcel | undefined {
    let low = 0;
    let high = this.#open.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#open.at(middle)!.firstTag <= deliveryTag) low = middle + 1;
      else high = middle;
    }
    const parcel = this.#open.at(low - 1);
    return parcel !== undefined && deliveryTag < parcel.firstTag + parcel.size ? parcel : undefined;
  }
}
