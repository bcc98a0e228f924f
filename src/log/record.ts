import type { Exchange, RecordExchange } from "../broker/broker.ts";
import { bufferCostBytes, envelopeCostBytes, ownBytes, textCostBytes } from "../costs.ts";
import {
  type Contents,
  contentsWith,
  type Envelope,
  type Head,
  keptCostBytes,
  timestampIn,
} from "../envelope/envelope.ts";
import { fingerprintOf } from "../envelope/fingerprint.ts";
import { packedContentType } from "../envelope/packing.ts";
import { topicsIn } from "../envelope/unpacking.ts";
import type { Headers, Message } from "../message.ts";
import { hasKey, isWarrens, isWarrensAnswer } from "../message-id.ts";
import { hasMany, ownMessage } from "./own-message.ts";
import type { PackOrigin, PackOrigins } from "./pack-origins.ts";
import { positionText } from "./position.ts";

/** Opens an envelope. Returns no messages if it cannot be read. */
export type Opener = (record: LogRecord, envelope: Envelope) => Contents;

/** The exchange for what clients send. What comes through any other one is for clients. */
const fromClients: Exchange = "wsmanager";

/** What a record takes besides its content, in bytes: its objects, and its place in a queue. */
const overheadBytes = 384;

/**
 * One record of the shared log. It is decoded only as far as somebody needs it: first the topics of a pack, then the heads of its messages,
 * and a body when a client gets it.
 *
 * A record that is kept lets go of the buffer that it came in. A single message is kept decoded, but with its headers as text if there are
 * many, and a pack is kept as it came. Decoded packs take many times as much, so the code that keeps records decides how long they stay
 * decoded.
 */
export class LogRecord {
  readonly offset: number;
  readonly exchange: RecordExchange;
  /** Seconds since 1970; absent if its publisher named none. */
  readonly timestamp: number | undefined;
  /** Whether it is a plain copy of another record with the same id, for other programs. Warren ignores copies. */
  readonly isCopy: boolean;
  /** What it takes in memory when it is kept, without what decoding adds. In bytes. */
  costBytes = 0;
  /** Which of its messages repeat earlier ones of this log, by their index: nobody gets them. Undefined: none. */
  repeated: "all" | ReadonlySet<number> | undefined;
  /** Which of its messages live clients have already got from a previous log. */
  heard: "all" | ReadonlySet<number> | undefined;
  readonly #messageId: string | undefined;
  #fingerprint: string | undefined;
  #opener: Opener;
  /** Absent once it is kept, unless it is a pack with an origin of its own. */
  #envelope: Envelope | undefined;
  /** Whether the envelope has a body of its own, so that it need not be copied again. */
  #isOwn = false;
  /** What is kept of a pack instead of its envelope. */
  #body: Buffer | undefined;
  #origin: PackOrigin | undefined;
  #contents: Contents | undefined;
  /** The decoded messages, by their index. */
  #messages: (Message | undefined)[] | undefined;
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

  /** Whether clients sent it, and not processors or other programs. */
  get isFromClients(): boolean {
    return this.exchange === fromClients;
  }

  /** Whether processors or other programs sent it, to clients. They may have used an exchange of their own that is bound to ours. */
  get isToClients(): boolean {
    return !this.isFromClients;
  }

  /** The only recipient of a message of this record; undefined if it is for all clients on its topic. */
  recipientOf({ clientId }: Pick<Head, "clientId">): string | undefined {
    return this.isToClients ? clientId : undefined;
  }

  /** Tells it from the record that another log has at this offset. */
  get fingerprint(): string {
    this.#fingerprint ??= fingerprintOf({
      messageId: this.#messageId,
      timestamp: this.timestamp,
      body: this.#body ?? this.#envelope?.body ?? nothing,
    });
    return this.#fingerprint;
  }

  /** The position of the message with this index, as clients see it. */
  positionOf(index: number): string {
    return positionText(this.offset, index, this.heads.length, this.fingerprint);
  }

  /** The position at the record's end, as clients see it. */
  get endPosition(): string {
    return positionText(this.offset, 0, 1, this.fingerprint);
  }

  /** The topics of its messages, if they are known without decoding more: those of a pack. */
  get topics(): readonly string[] | undefined {
    return this.#isPacked ? topicsIn(this.#body ?? this.#envelope!.body) : undefined;
  }

  get #isPacked(): boolean {
    return this.#body !== undefined || this.#envelope?.contentType === packedContentType;
  }

  /**
   * When the message was published, according to its publisher, in seconds since 1970; undefined if the publisher did not say. Managers and
   * processors add their own time to messages without one. That is not returned here, since their clocks may be wrong.
   */
  publishersTimeOf(index: number): number | undefined {
    const head = this.heads[index]!;
    const isStamped = this.#isPacked || isWarrens(head.id) || isWarrensAnswer(head.id) || hasKey(head.id);
    return timestampIn(head) ?? (isStamped ? undefined : this.timestamp);
  }

  /** The heads of its messages: everything but their bodies. */
  get heads(): readonly Head[] {
    return this.#opened.heads;
  }

  /** The message with this index. Its body is decoded once. */
  at(index: number): Message {
    const known = this.#messages?.[index];
    if (known !== undefined) return known;
    const message = this.#opened.at(index);
    if (this.#contents !== undefined) {
      this.#messages ??= [];
      this.#messages[index] = message;
    }
    return message;
  }

  /** All of its messages, decoded. */
  get messages(): readonly Message[] {
    return this.heads.map((_, index) => this.at(index));
  }

  get #opened(): Contents {
    if (this.#contents !== undefined) return this.#contents;
    const contents = this.#opener(this, this.#isPacked ? this.own() : (this.#envelope as Envelope));
    this.#contents = contents;
    // This may close it at once, where too much is decoded.
    this.#onOpened?.(this);
    return contents;
  }

  isRepeat(index: number): boolean {
    const { repeated } = this;
    return repeated !== undefined && (repeated === "all" || repeated.has(index));
  }

  /** Whether live clients have already got the message with this index, from this log or from a previous one. */
  isHeard(index: number): boolean {
    const { heard } = this;
    return this.isRepeat(index) || (heard !== undefined && (heard === "all" || heard.has(index)));
  }

  /**
   * Prepares the record for being kept in memory.
   *
   * @param onOpened called when a pack is decoded, or at once if it has been: until `close` it takes `openCostBytes` more
   * @param isReadNow whether a subscription reads it now; if not, what was decoded of a pack is dropped
   * @param origins of the packs that are kept in the same place
   */
  keep(onOpened: (record: LogRecord) => void, isReadNow: boolean, origins: PackOrigins): void {
    if (!this.#isPacked) {
      this.#keepSingle(onOpened);
      return;
    }
    this.#keepPack(this.own(), origins);
    this.#onOpened = onOpened;
    if (!isReadNow) this.close();
    else if (this.#contents !== undefined) onOpened(this);
  }

  /** Lets go of the buffer that the record came in. Returns its envelope, which a single message that is kept no longer has. */
  own(): Envelope {
    const { timestamp } = this;
    if (this.#body !== undefined)
      return { ...this.#origin!, body: this.#body, messageId: this.#messageId, timestamp };
    const envelope = this.#envelope!;
    if (this.#isOwn) return envelope;
    this.#isOwn = true;
    const body = ownBytes(envelope.body) as Buffer;
    if (body !== envelope.body) this.#envelope = { ...envelope, body };
    return this.#envelope!;
  }

  #keepPack(envelope: Envelope, origins: PackOrigins): void {
    if (this.#body !== undefined) return;
    this.costBytes = overheadBytes + envelopeCostBytes(envelope);
    this.#origin = origins.sharedBy(envelope);
    if (this.#origin === undefined) return;
    this.#body = envelope.body;
    this.#envelope = undefined;
    this.costBytes = overheadBytes + bufferCostBytes(this.#body) + 2 * (this.#messageId?.length ?? 0);
  }

  #keepSingle(onOpened: (record: LogRecord) => void): void {
    const [message] = this.messages;
    // The fingerprint of a record without an id is made of its body, which is dropped here.
    if (this.#messageId === undefined) this.#fingerprint ??= fingerprintOf(this.#envelope!);
    this.#envelope = undefined;
    this.#messages = undefined;
    if (message === undefined || !hasMany(message.headers)) {
      this.#contents = contentsWith(message === undefined ? [] : [ownMessage(message)]);
      this.costBytes = overheadBytes + this.openCostBytes;
      return;
    }
    const headers = JSON.stringify(message.headers);
    const bare = { ...ownMessage(message), headers: undefined };
    this.#contents = undefined;
    this.#opener = () => contentsWith([{ ...bare, headers: JSON.parse(headers) as Headers }]);
    this.costBytes = overheadBytes + keptCostBytes(bare) + textCostBytes(headers);
    this.#onOpened = onOpened;
  }

  /** What its messages take at most while they are decoded. In bytes. */
  get openCostBytes(): number {
    return this.#contents?.costBytes ?? 0;
  }

  /** Whether it is decoded, so that `close` would free memory. */
  get isOpen(): boolean {
    return this.#onOpened !== undefined && this.#contents !== undefined;
  }

  /** Drops what was decoded. It is decoded again when it is needed. */
  close(): void {
    if (this.#onOpened === undefined) return;
    this.#contents = undefined;
    this.#messages = undefined;
  }
}

const nothing = Buffer.alloc(0);
