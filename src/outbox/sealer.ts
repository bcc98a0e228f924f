import { headersCostBytes } from "../costs.ts";
import { type Sealing, type Sent, sealOne, sealPacked, type Waiting } from "../envelope/sealing.ts";
import { isShortText, type OutgoingMessage } from "../message.ts";
import type { OutboxLimits } from "./limits.ts";
import { type Line, streamSize } from "./line.ts";
import { Lines } from "./lines.ts";

/** Thrown for a message from which no envelope could be made. */
export class Unsealable extends Error {
  override readonly name = "Unsealable";
  readonly waiting: Waiting;
  readonly id: string;

  constructor(waiting: Waiting, id: string, cause: unknown) {
    super("no envelope could be made of a message", { cause });
    this.waiting = waiting;
    this.id = id;
  }
}

/** How the next envelope is to be made. */
export interface Form {
  /** Whether several messages may share an envelope. */
  readonly isPacking: boolean;
  /** Whether a plain copy of each message is published too. */
  readonly hasCopies: boolean;
  /**
   * Whether the broker can carry the message as a plain envelope. A message that it cannot carry goes alone, so that no other is given up
   * with it.
   */
  isFit(message: OutgoingMessage): boolean;
}

/** Makes envelopes of waiting messages: packs, or plain ones. The messages of a line are numbered in the order in which they were appended. */
export class Sealer {
  readonly #appId: string;
  readonly #limits: OutboxLimits;
  readonly #lines: Lines;
  /** How many messages were sealed. */
  #sequence = 0;
  /** What the messages of one pack may cost together, in bytes. It is lowered when the broker does not take large packs. */
  packBytesMax: number;

  constructor(appId: string, limits: OutboxLimits) {
    this.#appId = appId;
    this.#limits = limits;
    this.#lines = new Lines(limits);
    this.packBytesMax = limits.packBytesMax;
  }

  /** How many messages wait to be sealed. */
  get length(): number {
    return this.#lines.length;
  }

  /** Returns the message's number. */
  push(waiting: Waiting): number {
    return this.#lines.push(waiting);
  }

  /** The id of the message with this number. It does not depend on whether the message is packed. */
  readonly idOf = (number: number): string => {
    if (number < streamSize) return `${this.#appId}-${number}`;
    return `${this.#appId}-b${Math.floor(number / streamSize)}-${number % streamSize}`;
  };

  sealing(hasCopies: boolean): Sealing {
    return { appId: this.#appId, idOf: this.idOf, hasCopies };
  }

  /**
   * Takes waiting messages for one envelope: as many as there are and as fit into a pack. A message that is larger than a pack may be goes
   * plain, since packing would only copy it; unless most of it are headers, which RabbitMQ's queues count only in a pack.
   *
   * @throws Unsealable if no envelope can be made of the first message, which is removed
   */
  next(form: Form): Sent | undefined {
    const line = this.#lines.next();
    const isSingle = line?.isSingle === true;
    const first = line?.shift(this.#sequence + 1);
    if (line === undefined || first === undefined) return undefined;
    const sealing = this.sealing(form.hasCopies);
    if (form.isPacking && !isSingle && this.#isOfPackSize(first) && isPackable(first, form)) {
      const sent = this.#pack(line, this.#takeForPack(line, first, form), sealing);
      if (sent !== undefined) return sent;
    }
    const place = { sequence: ++this.#sequence, number: line.nextNumber };
    this.#lines.sealed(line, 1, first.costBytes);
    try {
      return sealOne(first, place, sealing);
    } catch (cause) {
      throw new Unsealable(first, this.idOf(place.number), cause);
    }
  }

  #isOfPackSize({ costBytes, message: { headers } }: Waiting): boolean {
    if (costBytes <= this.packBytesMax) return true;
    return this.packBytesMax === this.#limits.packBytesMax && 2 * headersCostBytes(headers) > costBytes;
  }

  #pack(line: Line, batch: readonly Waiting[], sealing: Sealing): Sent | undefined {
    const place = { sequence: this.#sequence + 1, number: line.nextNumber };
    try {
      const sent = sealPacked(batch, place, sealing);
      this.#sequence += batch.length;
      this.#lines.sealed(line, batch.length, sent.costBytes);
      return sent;
    } catch {
      // When they are sealed one by one, the message at fault throws alone.
      line.unshift(batch.slice(1));
      return undefined;
    }
  }

  /** Returns a first message, with as many from the same line as fit into an envelope beside it. */
  #takeForPack(line: Line, first: Waiting, form: Form): Waiting[] {
    const { packCountMax } = this.#limits;
    const taken = [first];
    let { costBytes } = first;
    let seconds = secondsOf(first);
    while (taken.length < packCountMax) {
      const next = line.peek();
      if (next === undefined || costBytes + next.costBytes > this.packBytesMax) break;
      // A pack has one timestamp for all messages that do not have their own.
      const nextSeconds = secondsOf(next);
      if (seconds !== undefined && nextSeconds !== undefined && seconds !== nextSeconds) break;
      if (!isPackable(next, form)) break;
      seconds ??= nextSeconds;
      taken.push(next);
      costBytes += next.costBytes;
      line.shift(this.#sequence + taken.length);
    }
    return taken;
  }
}

/** The message's timestamp, if the pack has to carry it. In seconds since 1970. */
function secondsOf({ message, timestamp }: Waiting): number | undefined {
  return message.headers?.["timestamp"] === undefined ? timestamp : undefined;
}

/** Whether the message may be in a pack. A name that is invalid in a pack would have the whole pack rejected. */
function isPackable({ message }: Waiting, form: Form): boolean {
  const { topic, clientId, headers, id } = message;
  if (!isShortText(topic) || !(clientId === undefined || isShortText(clientId))) return false;
  for (const name in headers) if (!isShortText(name)) return false;
  // Without headers, the properties are short enough.
  return (headers === undefined && id === undefined) || form.isFit(message);
}
