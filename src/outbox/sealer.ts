import { Deque } from "../collections/deque.ts";
import { type Sent, sealOne, sealPacked, type Waiting } from "../envelope/sealing.ts";
import { isShortText, type OutgoingMessage } from "../message.ts";
import type { OutboxLimits } from "./limits.ts";

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

/** Makes envelopes of what waits: plain, or packed. Messages are numbered in the order in which they were appended. */
export class Sealer {
  readonly #appId: string;
  readonly #limits: OutboxLimits;
  readonly #waiting = new Deque<Waiting>();
  /** Could not be packed together, and are sealed one by one. */
  readonly #singly = new Deque<Waiting>();
  #sequence = 0;
  /** What the messages of one pack may cost together, in bytes. It is lowered when the broker does not take large ones. */
  packBytesMax: number;

  constructor(appId: string, limits: OutboxLimits) {
    this.#appId = appId;
    this.#limits = limits;
    this.packBytesMax = limits.packBytesMax;
  }

  /** Messages that wait to be sealed. */
  get length(): number {
    return this.#singly.length + this.#waiting.length;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
  }

  /** The id of the message with this number. It does not depend on whether it is packed. */
  readonly idOf = (number: number): string => `${this.#appId}-${number}`;

  /**
   * Takes waiting messages for one envelope: one as it is, several packed.
   *
   * @throws Unsealable if there is none for the first of them, which is taken
   */
  next(isPacking: boolean): Sent | undefined {
    const first = this.#singly.shift() ?? this.#waiting.shift();
    if (first === undefined) return undefined;
    if (isPacking && this.#singly.length === 0 && isPackable(first.message)) {
      const others = this.#takeForPack(first.costBytes);
      if (others.length > 0) {
        const sent = this.#pack([first, ...others]);
        if (sent !== undefined) return sent;
      }
    }
    const sequence = ++this.#sequence;
    const id = this.idOf(sequence);
    try {
      return sealOne(first, sequence, id, this.#appId);
    } catch (cause) {
      throw new Unsealable(first, id, cause);
    }
  }

  #pack(batch: readonly Waiting[]): Sent | undefined {
    const sequence = this.#sequence + 1;
    try {
      const sent = sealPacked(batch, sequence, this.idOf(sequence), this.#appId);
      this.#sequence += batch.length;
      return sent;
    } catch {
      // The one at fault is told when it is sealed alone.
      for (const waiting of batch.slice(1)) this.#singly.push(waiting);
      return undefined;
    }
  }

  /** What fits into an envelope beside a first message of this cost. */
  #takeForPack(firstCostBytes: number): Waiting[] {
    const { packCountMax } = this.#limits;
    const taken: Waiting[] = [];
    let costBytes = firstCostBytes;
    while (taken.length + 1 < packCountMax) {
      const next = this.#waiting.at(0);
      if (next === undefined || costBytes + next.costBytes > this.packBytesMax) break;
      if (!isPackable(next.message)) break;
      taken.push(next);
      costBytes += next.costBytes;
      this.#waiting.shift();
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
