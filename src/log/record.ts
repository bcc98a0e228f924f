import type { Envelope } from "../broker/broker.ts";
import { pack, packedContentType, unpack } from "../broker/packing.ts";
import { envelopeCostBytes, messageCostBytes, ownBytes, textCostBytes } from "../costs.ts";
import type { Message } from "../message.ts";

/** Opens an envelope; gives none where it cannot be read. */
export type Opener = (record: LogRecord, envelope: Envelope) => readonly Message[];

/** What a record takes besides what is in it, in bytes: its objects, and its place in a queue. */
const overheadBytes = 384;

/**
 * One record of the shared log. What is in it is only decoded if somebody wants to know.
 *
 * One that is kept lets go of the buffer that it came in. A message without headers is kept decoded. One with headers is kept as a
 * pack, and a pack as it came: decoded they take many times as much, so that whoever keeps them decides for how long they do.
 */
export class LogRecord {
  readonly offset: number;
  readonly exchange: string;
  /** Seconds since 1970; absent where whoever published it named none. */
  readonly timestamp: number | undefined;
  /** What it takes in memory once it is kept, open or not. In bytes. */
  costBytes = 0;
  #opener: Opener;
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
    if (this.#envelope!.contentType !== packedContentType) this.#keepSingle();
    else this.#envelope = { ...this.#envelope!, body: ownBytes(this.#envelope!.body) as Buffer };
    if (this.#envelope === undefined) {
      this.costBytes = overheadBytes + this.openCostBytes;
      return;
    }
    this.#onOpened = onOpened;
    this.costBytes = overheadBytes + envelopeCostBytes(this.#envelope);
    if (this.#messages !== undefined) onOpened(this);
  }

  /** One without headers is small as it is. With headers it is kept as a pack of its own, of which they are a small part. */
  #keepSingle(): void {
    const [message] = this.messages;
    if (message?.headers === undefined) {
      this.#messages = message === undefined ? [] : [owned(message)];
      this.#envelope = undefined;
      return;
    }
    const { id, appId, timestamp } = message;
    const body = pack([message]);
    this.#opener = () => unpack(body).map((unpacked) => ({ ...unpacked, id, appId, timestamp }));
    this.#envelope = { ...this.#envelope!, headers: undefined, body };
  }

  /** What its messages take while they are decoded, in bytes. */
  get openCostBytes(): number {
    let costBytes = 0;
    for (const message of this.#messages ?? [])
      costBytes += messageCostBytes(message) + idsCostBytes(message);
    return costBytes;
  }

  /** Lets go of a pack's messages: it is decoded again when somebody wants to know. */
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
