import type { Exchange, RecordExchange } from "../broker/broker.ts";
import { envelopeCostBytes, ownBytes, textCostBytes } from "../costs.ts";
import {
  type Contents,
  contentsWith,
  type Envelope,
  type Head,
  keptCostBytes,
  timestampIn,
} from "../envelope/envelope.ts";
import { fingerprintOf } from "../envelope/fingerprint.ts";
import { hasKey } from "../envelope/once-id.ts";
import { packedContentType } from "../envelope/packing.ts";
import { topicsIn } from "../envelope/unpacking.ts";
import type { Headers, Message } from "../message.ts";
import { isWarrens, isWarrensAnswer } from "./own-ids.ts";
import { positionText } from "./position.ts";

/** Opens an envelope; gives no messages where it cannot be read. */
export type Opener = (record: LogRecord, envelope: Envelope) => Contents;

/** What clients say goes to the one, and what is for clients to the other. */
const fromClients: Exchange = "wsmanager";
const toClients: Exchange = "towsmanager";

/** What a record takes besides what is in it, in bytes: its objects, and its place in a queue. */
const overheadBytes = 384;

/**
 * One record of the shared log. What is in it is only read if somebody wants to know: the topics of a pack first, then what it says of
 * its messages, and a body when somebody gets it.
 *
 * One that is kept lets go of the buffer that it came in. A single message is kept decoded, but many headers
 * as text, and a pack as it came: decoded they take many times as much, so the code that keeps them decides how long they stay decoded.
 */
export class LogRecord {
  readonly offset: number;
  readonly exchange: RecordExchange;
  /** Seconds since 1970; absent if its publisher named none. */
  readonly timestamp: number | undefined;
  /** It is a plain copy of what another record has, with the same id: nothing to Warren. */
  readonly isCopy: boolean;
  /** What it takes in memory once it is kept, open or not. In bytes. */
  costBytes = 0;
  /** Which of its messages, by their index, are in the log before: nobody gets them. Undefined: none. */
  repeated: "all" | ReadonlySet<number> | undefined;
  /** Which of them live clients have heard from a log that was before this one. */
  heard: "all" | ReadonlySet<number> | undefined;
  readonly #messageId: string | undefined;
  #fingerprint: string | undefined;
  #opener: Opener;
  /** Absent once a single message is kept. */
  #envelope: Envelope | undefined;
  #contents: Contents | undefined;
  /** Those that were decoded, by their index. */
  #messages: (Message | undefined)[] = [];
  #onOpened: ((record: LogRecord) => void) | undefined;

  constructor(offset: number, exchange: RecordExchange, envelope: Envelope, opener: Opener) {
    this.offset = offset;
    this.exchange = exchange;
    this.timestamp = envelope.timestamp;
    this.isCopy = envelope.isCopy === true;
    this.#messageId = envelope.messageId;
    this.#envelope = envelope;
    this.#opener = opener;
  }

  /** Whether clients have said it, and not processors or other programs. */
  get isFromClients(): boolean {
    return this.exchange === fromClients;
  }

  /** Whether processors or other programs have sent it to clients. */
  get isToClients(): boolean {
    return this.exchange === toClients;
  }

  /** The one client that a message of this record is for; undefined if it is for all on its topic. */
  recipientOf({ clientId }: Pick<Head, "clientId">): string | undefined {
    return this.isToClients ? clientId : undefined;
  }

  /** What tells it from the record that another log has at this offset. */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf({
      messageId: this.#messageId,
      timestamp: this.timestamp,
      body: this.#envelope?.body ?? nothing,
    });
    return this.#fingerprint;
  }

  /** What the place of the message with this index is called towards clients. */
  positionOf(index: number): string {
    return positionText(this.offset, index, this.heads.length, this.fingerprint);
  }

  /** What the place at the record's end is called towards clients. */
  get endPosition(): string {
    return positionText(this.offset, 0, 1, this.fingerprint);
  }

  /** The topics of its messages, as far as they are known without reading more: those of a pack. */
  get topics(): readonly string[] | undefined {
    return this.#isPacked ? topicsIn(this.#envelope!.body) : undefined;
  }

  get #isPacked(): boolean {
    return this.#envelope?.contentType === packedContentType;
  }

  /**
   * When a message's publisher says that it was published, in seconds since 1970; undefined if it does not say. Managers and processors
   * stamp what names no time with their own, which nobody has said, and their clocks may be wrong.
   */
  publishersTimeOf(index: number): number | undefined {
    const head = this.heads[index]!;
    const isStamped = this.#isPacked || isWarrens(head.id) || isWarrensAnswer(head.id) || hasKey(head.id);
    return timestampIn(head) ?? (isStamped ? undefined : this.timestamp);
  }

  /** What its messages are, without their bodies. */
  get heads(): readonly Head[] {
    return this.#opened.heads;
  }

  /** The message with this index. Its body is decoded once. */
  at(index: number): Message {
    const known = this.#messages[index];
    if (known !== undefined) return known;
    const message = this.#opened.at(index);
    this.#messages[index] = message;
    return message;
  }

  /** All of its messages, decoded. */
  get messages(): readonly Message[] {
    return this.heads.map((_, index) => this.at(index));
  }

  get #opened(): Contents {
    if (this.#contents === undefined) {
      if (this.#isPacked) this.#own();
      this.#contents = this.#opener(this, this.#envelope as Envelope);
      this.#onOpened?.(this);
    }
    return this.#contents;
  }

  isRepeat(index: number): boolean {
    const { repeated } = this;
    return repeated !== undefined && (repeated === "all" || repeated.has(index));
  }

  /** Whether live clients have heard the message with this index already, from this log or from the one before. */
  isHeard(index: number): boolean {
    const { heard } = this;
    return this.isRepeat(index) || (heard !== undefined && (heard === "all" || heard.has(index)));
  }

  /**
   * From now on it is kept.
   *
   * @param onOpened called when a pack is read, or at once if it has been: until `close` it takes `openCostBytes` more
   * @param isReadNow whether somebody reads it now: else what has been read of a pack is let go of
   */
  keep(onOpened: (record: LogRecord) => void, isReadNow: boolean): void {
    if (!this.#isPacked) {
      this.#keepSingle(onOpened);
      return;
    }
    this.costBytes = overheadBytes + envelopeCostBytes(this.#own());
    this.#onOpened = onOpened;
    if (!isReadNow) this.close();
    else if (this.#contents !== undefined) onOpened(this);
  }

  /** Lets go of the buffer that it came in. */
  #own(): Envelope {
    const envelope = this.#envelope!;
    const body = ownBytes(envelope.body) as Buffer;
    if (body !== envelope.body) this.#envelope = { ...envelope, body };
    return this.#envelope!;
  }

  #keepSingle(onOpened: (record: LogRecord) => void): void {
    const [message] = this.messages;
    // A record without an id is told by its body, which is let go of here.
    if (this.#messageId === undefined) this.#fingerprint ??= fingerprintOf(this.#envelope!);
    this.#envelope = undefined;
    this.#messages = [];
    if (message === undefined || !hasMany(message.headers)) {
      this.#contents = contentsWith(message === undefined ? [] : [owned(message)]);
      this.costBytes = overheadBytes + this.openCostBytes;
      return;
    }
    const headers = JSON.stringify(message.headers);
    const bare = { ...owned(message), headers: undefined };
    this.#contents = undefined;
    this.#opener = () => contentsWith([{ ...bare, headers: JSON.parse(headers) as Headers }]);
    this.costBytes = overheadBytes + keptCostBytes(bare) + textCostBytes(headers);
    this.#onOpened = onOpened;
  }

  /** What its messages take while it is open, at most: when all of them are decoded. In bytes. */
  get openCostBytes(): number {
    return this.#contents?.costBytes ?? 0;
  }

  /** Whether it has been read, and may be let go of. */
  get isOpen(): boolean {
    return this.#onOpened !== undefined && this.#contents !== undefined;
  }

  /** Lets go of what was read: it is read again when somebody wants to know. */
  close(): void {
    if (this.#onOpened === undefined) return;
    this.#contents = undefined;
    this.#messages = [];
  }
}

const nothing = Buffer.alloc(0);

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
