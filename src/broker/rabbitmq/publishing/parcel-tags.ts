import { Deque } from "../../../collections/deque.ts";
import type { Copies } from "../../../envelope/envelope.ts";

/** An envelope on the wire with its copies. */
interface Parcel {
  /** Its tag among the envelopes of this link. */
  readonly tag: number;
  readonly copies: Copies | undefined;
  /** How many parts are not settled. */
  left: number;
  /** How many of these are copies that are withheld. */
  withheld: number;
  isRefused: boolean;
}

/** Parts of a parcel that were written together, as AMQP messages with consecutive delivery tags. */
interface Run {
  readonly parcel: Parcel;
  readonly firstTag: number;
  readonly size: number;
  /** The numbers of the parts; undefined if they are all parts, in order. */
  readonly parts: readonly number[] | undefined;
  /** How many of the first ones are settled, and which others. */
  prefix: number;
  settled: Set<number> | undefined;
  left: number;
}

/** Called for an envelope when RabbitMQ has settled all of its parts. */
export type OnSettled = (tag: number, isRefused: boolean) => void;

/**
 * Maps RabbitMQ's confirms and refusals to envelopes, some of which have plain copies. An envelope is confirmed when all of its parts are,
 * and refused when all are settled and not all confirmed. No I/O.
 */
export class ParcelTags {
  readonly #onSettled: OnSettled;
  readonly #open = new Deque<Run>();
  /** The parcels with withheld copies. */
  readonly #withholding = new Map<Copies, Parcel>();
  #nextTag = 1;
  #nextFirst = 1;

  constructor(onSettled: OnSettled) {
    this.#onSettled = onSettled;
  }

  /** The delivery tag of the next AMQP message. */
  get nextDeliveryTag(): number {
    return this.#nextFirst;
  }

  /** The first delivery tag of the oldest unsettled write; undefined if everything is settled. */
  get oldestTag(): number | undefined {
    return this.#open.at(0)?.firstTag;
  }

  /** The envelope's parts that are due are about to be written. Returns how many these are. */
  add(copies: Copies | undefined): number {
    const size = copies === undefined ? 1 : copies.due;
    const withheld = copies?.withheldCount ?? 0;
    const parcel = { tag: this.#nextTag++, copies, left: size + withheld, withheld, isRefused: false };
    if (copies !== undefined && withheld > 0) this.#withholding.set(copies, parcel);
    this.#addRun(parcel, size, copies?.dueParts());
    return size;
  }

  /** These copies, which were withheld, are about to be written. */
  addWithheld(copies: Copies, parts: readonly number[]): void {
    const parcel = this.#noLongerWithheld(copies, parts.length);
    if (parcel !== undefined) this.#addRun(parcel, parts.length, parts);
  }

  /** These copies, which were withheld, need not be written. */
  passOver(copies: Copies, parts: readonly number[]): void {
    const parcel = this.#noLongerWithheld(copies, parts.length);
    if (parcel !== undefined) for (const part of parts) this.#settlePart(parcel, part, true);
  }

  #noLongerWithheld(copies: Copies, count: number): Parcel | undefined {
    const parcel = this.#withholding.get(copies);
    if (parcel === undefined) return undefined;
    parcel.withheld -= count;
    if (parcel.withheld === 0) this.#withholding.delete(copies);
    return parcel;
  }

  #addRun(parcel: Parcel, size: number, parts: readonly number[] | undefined): void {
    this.#open.push({
      parcel,
      firstTag: this.#nextFirst,
      size,
      parts,
      prefix: 0,
      settled: undefined,
      left: size,
    });
    this.#nextFirst += size;
  }

  /** RabbitMQ has settled the message with this delivery tag; with `multiple`, all up to it that were unsettled. */
  settle(deliveryTag: number, multiple: boolean, isTaken: boolean): void {
    if (multiple) {
      for (let index = 0; index < this.#open.length; index++) {
        const run = this.#open.at(index)!;
        if (run.firstTag > deliveryTag) break;
        const last = Math.min(run.size - 1, deliveryTag - run.firstTag);
        for (let place = run.prefix; place <= last; place++) this.#settleAt(run, place, isTaken);
      }
    } else {
      const run = this.#runOf(deliveryTag);
      if (run !== undefined) this.#settleAt(run, deliveryTag - run.firstTag, isTaken);
    }
    while (this.#open.at(0)?.left === 0) this.#open.shift();
  }

  #settleAt(run: Run, place: number, isTaken: boolean): void {
    if (place < run.prefix || run.settled?.has(place)) return;
    if (place === run.prefix) {
      run.prefix++;
      while (run.settled?.delete(run.prefix)) run.prefix++;
    } else {
      run.settled ??= new Set();
      run.settled.add(place);
    }
    run.left--;
    this.#settlePart(run.parcel, run.parts?.[place] ?? place, isTaken);
  }

  #settlePart(parcel: Parcel, part: number, isTaken: boolean): void {
    parcel.left--;
    if (!isTaken) parcel.isRefused = true;
    else if (parcel.left > 0 || parcel.isRefused) parcel.copies?.take(part);
    if (parcel.left === 0) this.#onSettled(parcel.tag, parcel.isRefused);
  }

  /** The run with this delivery tag, unless it is settled. */
  #runOf(deliveryTag: number): Run | undefined {
    let low = 0;
    let high = this.#open.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#open.at(middle)!.firstTag <= deliveryTag) low = middle + 1;
      else high = middle;
    }
    const run = this.#open.at(low - 1);
    return run !== undefined && deliveryTag < run.firstTag + run.size ? run : undefined;
  }
}
