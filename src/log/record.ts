import { envelopeCostBytes, messageCostBytes, ownBytes, textCostBytes } from "../costs.ts";
import type { Envelope } from "../envelope/envelope.ts";
import { packedContentType } from "../envelope/packing.ts";
import type { Headers, Message } from "../message.ts";

/** Opens an envelope; gives none where it cannot be read. */
export type Opener = (record: LogRecord, envelope: Envelope) => readonly Message[];

/** What a record takes besides what is in it, in bytes: its objects, and its place in a queue. */
const overheadBytes = 384;

/**
 * One record of the shared log. What is in it is only decoded if somebody wants to know.
 *
 * One that is kept lets go of the buffer that it came in. A single message is kept decoded, but many headers
 * as text, and a pack as it came: decoded they take many times as much, so that whoever keeps them decides for how long they do.
 */
export class LogRecord {
  readonly offset: number;
  readonly exchange: string;
  /** Seconds since 1970; absent where whoever published it named none. */
  readonly timestamp: number | undefined;
  /** It is a plain copy of what another record has, with the same id: nothing to Warren. */
  readonly isCopy: boolean;
  /** What it takes in memory once it is kept, open or not. In bytes. */
  costBytes = 0;
  /** Which of its messages, by their index, are in the log before: nobody gets them. Undefined: none. */
  repeated: "all" | ReadonlySet<number> | undefined;
  #opener: Opener;
  /** Absent once a single message is kept. */
  #envelope: Envelope | undefined;
  #messages: readonly Message[] | undefined;
  #onOpened: ((record: LogRecord) => void) | undefined;

  constructor(offset: number, exchange: string, envelope: Envelope, opener: Opener) {
    this.offset = offset;
    this.exchange = exchange;
    this.timestamp = envelope.timestamp;
    this.isCopy = envelope.isCopy === true;
    this.#envelope = envelope;
    this.#opener = opener;
  }

  get messages(): readonly Message[] {
    if (this.#messages === undefined) {
      this.#messages = this.#opener(this, this.#envelope as Envelope);
      this.#onOpened?.(this);
    }
    return this.#messages;
  }

  isRepeat(index: number): boolean {
    const { repeated } = this;
    return repeated !== undefined && (repeated === "all" || repeated.has(index));
  }

  /**
   * From now on it is kept.
   *
   * @param onOpened called when a pack is decoded, or at once if it is already: until `close` it takes `openCostBytes` more
   */
  keep(onOpened: (record: LogRecord) => void): void {
    const envelope = this.#envelope!;
    if (envelope.contentType !== packedContentType) {
      this.#keepSingle(onOpened);
      return;
    }
    this.#envelope = { ...envelope, body: ownBytes(envelope.body) as Buffer };
    this.costBytes = overheadBytes + envelopeCostBytes(this.#envelope);
    this.#onOpened = onOpened;
    if (this.#messages !== undefined) onOpened(this);
  }

  #keepSingle(onOpened: (record: LogRecord) => void): void {
    const [message] = this.messages;
    this.#envelope = undefined;
    if (message === undefined || !hasMany(message.headers)) {
      this.#messages = message === undefined ? [] : [owned(message)];
      this.costBytes = overheadBytes + this.openCostBytes;
      return;
    }
    const headers = JSON.stringify(message.headers);
    const bare = { ...owned(message), headers: undefined };
    this.#opener = () => [{ ...bare, headers: JSON.parse(headers) as Headers }];
    this.costBytes = overheadBytes + messageCostBytes(bare) + idsCostBytes(bare) + textCostBytes(headers);
    this.#onOpened = onOpened;
    this.#messages = undefined;
  }

  /** What its messages take while they are decoded, in bytes. */
  get openCostBytes(): number {
    let costBytes = 0;
    for (const message of this.#messages ?? [])
      costBytes += messageCostBytes(message) + idsCostBytes(message);
    return costBytes;
  }

  /** Whether its messages are decoded, and may be let go of. */
  get isOpen(): boolean {
    return this.#onOpened !== undefined && this.#messages !== undefined;
  }

  /** Lets go of a pack's messages: it is decoded again when somebody wants to know. */
  close(): void {
    if (this.#onOpened !== undefined) this.#messages = undefined;
  }
}

/** More headers than this are kept as text: an object of names that nobody else uses takes some 300 bytes for each. */
const headersMax = 4;

function hasMany(headers: Headers | undefined): boolean {
  let count = 0;
  for (const _ in headers) if (++count > headersMax) return true;
  return false;
}

function owned(message: Message): Message {
  const { body } = message;
  if (typeof body === "string") return message;
  const own = ownBytes(body);
  return own === body ? message : { ...message, body: own };
}

/** What a message's ids take that is not counted with the message. */
function idsCostBytes({ appId }: Pick<Message, "appId">): number {
  return textCostBytes(appId ?? "");
}
