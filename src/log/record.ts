import type { Envelope } from "../broker/broker.ts";
import { packedContentType } from "../broker/packing.ts";
import { envelopeCostBytes, messageCostBytes, ownBytes, textCostBytes } from "../costs.ts";
import type { Message } from "../message.ts";

/** Opens an envelope; gives none where it cannot be read. */
export type Opener = (record: LogRecord, envelope: Envelope) => readonly Message[];

/** What a record takes besides what is in it, in bytes: its objects, and its place in a queue. */
const overheadBytes = 384;

/**
 * One record of the shared log. What is in it is only decoded if somebody wants to know.
 *
 * One that is kept lets go of the buffer that it came in. A single message is kept decoded, and a pack as it came: decoded it
 * takes many times as much, so that whoever keeps it decides for how long it stays so.
 */
export class LogRecord {
  readonly offset: number;
  readonly exchange: string;
  /** Seconds since 1970; absent where whoever published it named none. */
  readonly timestamp: number | undefined;
  /** What it takes in memory once it is kept, open or not. In bytes. */
  costBytes = 0;
  readonly #opener: Opener;
  /** Absent once it is kept decoded. */
  #envelope: Envelope | undefined;
  #messages: readonly Message[] | undefined;
  #onOpened: ((record: LogRecord) => void) | undefined;

  constructor(offset: number, exchange: string, envelope: Envelope, opener: Opener) {
    this.offset = offset;
    this.exchange = exchange;
    this.timestamp = envelope.timestamp;
    this.#envelope = envelope;
    this.#opener = opener;
  }

  get messages(): readonly Message[] {
    if (this.#messages === undefined) {
      this.#messages = this.#opener(this, this.#envelope!);
      this.#onOpened?.(this);
    }
    return this.#messages;
  }

  /**
   * From now on it is kept.
   *
   * @param onOpened called when a pack is decoded, or at once if it is already: until `close` it takes `openCostBytes` more
   */
  keep(onOpened: (record: LogRecord) => void): void {
    const envelope = this.#envelope!;
    if (envelope.contentType !== packedContentType) {
      this.#messages = this.messages.map(owned);
      this.#envelope = undefined;
      this.costBytes = overheadBytes + this.openCostBytes;
      return;
    }
    const body = ownBytes(envelope.body) as Buffer;
    this.#envelope = { ...envelope, body };
    this.#onOpened = onOpened;
    this.costBytes = overheadBytes + envelopeCostBytes(this.#envelope);
    if (this.#messages !== undefined) onOpened(this);
  }

  /** What its messages take while they are decoded, in bytes. */
  get openCostBytes(): number {
    let costBytes = 0;
    for (const message of this.#messages ?? [])
      costBytes += messageCostBytes(message) + idsCostBytes(message);
    return costBytes;
  }

  /** Lets go of a kept pack's messages: it is decoded again when somebody wants to know. */
  close(): void {
    if (this.#onOpened !== undefined) this.#messages = undefined;
  }
}

function owned(message: Message): Message {
  const { body } = message;
  if (typeof body === "string") return message;
  const own = ownBytes(body);
  return own === body ? message : { ...message, body: own };
}

function idsCostBytes({ id, appId }: Pick<Message, "id" | "appId">): number {
  return textCostBytes(id) + 2 * (appId?.length ?? 0);
}
