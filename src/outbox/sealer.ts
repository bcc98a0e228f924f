import { type Sent, sealOne, sealPacked, type Waiting } from "../envelope/sealing.ts";
import { isShortText, type OutgoingMessage } from "../message.ts";
import type { OutboxLimits } from "./limits.ts";
import { type Line, streamSize } from "./line.ts";
import { Lines } from "./lines.ts";

/** A message of which no envelope could be made. */
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

/** Makes envelopes of what waits: plain, or packed. The messages of a line are numbered in the order in which they were appended. */
export class Sealer {
  readonly #appId: string;
  readonly #limits: OutboxLimits;
  readonly #lines: Lines;
  /** Messages that were sealed. */
  #sequence = 0;
  /** What the messages of one pack may cost together, in bytes. It is lowered when the broker does not take large ones. */
  packBytesMax: number;

  constructor(appId: string, limits: OutboxLimits) {
    this.#appId = appId;
    this.#limits = limits;
    this.#lines = new Lines(limits);
    this.packBytesMax = limits.packBytesMax;
  }

  /** Messages that wait to be sealed. */
  get length(): number {
    return this.#lines.length;
  }

  /** Returns the message's number. */
  push(waiting: Waiting): number {
    return this.#lines.push(waiting);
  }

  /** The id of the message with this number. It does not depend on whether it is packed. */
  readonly idOf = (number: number): string => {
    if (number < streamSize) return `${this.#appId}-${number}`;
    return `${this.#appId}-b${Math.floor(number / streamSize)}-${number % streamSize}`;
  };

  /**
   * Takes waiting messages for one envelope: one as it is, several packed.
   *
   * @throws Unsealable if there is none for the first of them, which is taken
   */
  next(isPacking: boolean): Sent | undefined {
    const line = this.#lines.next();
    const first = line?.shift();
    if (line === undefined || first === undefined) return undefined;
    if (isPacking && !line.isSingle && isPackable(first.message)) {
      const others = this.#takeForPack(line, first.costBytes);
      if (others.length > 0) {
        const sent = this.#pack(line, [first, ...others]);
        if (sent !== undefined) return sent;
      }
    }
    const number = line.nextNumber;
    const id = this.idOf(number);
    const place = { sequence: ++this.#sequence, number };
    this.#lines.sealed(line, 1, first.costBytes);
    try {
      return sealOne(first, place, id, this.#appId);
    } catch (cause) {
      throw new Unsealable(first, id, cause);
    }
  }

  #pack(line: Line, batch: readonly Waiting[]): Sent | undefined {
    const number = line.nextNumber;
    const place = { sequence: this.#sequence + 1, number };
    try {
      const sent = sealPacked(batch, place, this.idOf(number), this.#appId);
      this.#sequence += batch.length;
      this.#lines.sealed(line, batch.length, sent.costBytes);
      return sent;
    } catch {
      // The one at fault is told when it is sealed alone.
      line.unshift(batch.slice(1));
      return undefined;
    }
  }

  /** What of the same line fits into an envelope beside a first message of this cost. */
  #takeForPack(line: Line, firstCostBytes: number): Waiting[] {
    const { packCountMax } = this.#limits;
    const taken: Waiting[] = [];
    let costBytes = firstCostBytes;
    while (taken.length + 1 < packCountMax) {
      const next = line.peek();
      if (next === undefined || costBytes + next.costBytes > this.packBytesMax) break;
      if (!isPackable(next.message)) break;
      taken.push(next);
      costBytes += next.costBytes;
      line.shift();
    }
    return taken;
  }
}

/** One with a name that no pack may have would have the whole pack thrown away. */
function isPackable({ topic, clientId, headers }: OutgoingMessage): boolean {
  if (!isShortText(topic) || !(clientId === undefined || isShortText(clientId))) return false;
  for (const name in headers) if (!isShortText(name)) return false;
  return true;
}
