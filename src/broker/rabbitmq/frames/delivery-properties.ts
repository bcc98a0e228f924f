import type { MessageProperties } from "amqplib";
import {
  hasAppId,
  hasClusterId,
  hasContentEncoding,
  hasContentType,
  hasCorrelationId,
  hasDeliveryMode,
  hasExpiration,
  hasHeaders,
  hasMessageId,
  hasMoreFlags,
  hasPriority,
  hasReplyTo,
  hasTimestamp,
  hasType,
  hasUserId,
} from "./amqp-wire.ts";

/**
 * Reads the flags and properties of a content header (AMQP 0-9-1, 4.2.6.1).
 *
 * @returns what amqplib would read; undefined if a header has a rare type, which is left to amqplib
 */
export function readProperties(bytes: Buffer, start: number, end: number): MessageProperties | undefined {
  const flags = bytes.readUInt16BE(start);
  if ((flags & hasMoreFlags) !== 0) return undefined;
  const reader = new Reader(bytes, start + 2);
  const contentType = flags & hasContentType ? reader.shortText() : undefined;
  const contentEncoding = flags & hasContentEncoding ? reader.shortText() : undefined;
  const headers = flags & hasHeaders ? reader.table() : undefined;
  if (reader.isOdd) return undefined;
  const properties: MessageProperties = {
    contentType,
    contentEncoding,
    headers,
    deliveryMode: flags & hasDeliveryMode ? reader.u8() : undefined,
    priority: flags & hasPriority ? reader.u8() : undefined,
    correlationId: flags & hasCorrelationId ? reader.shortText() : undefined,
    replyTo: flags & hasReplyTo ? reader.shortText() : undefined,
    expiration: flags & hasExpiration ? reader.shortText() : undefined,
    messageId: flags & hasMessageId ? reader.shortText() : undefined,
    timestamp: flags & hasTimestamp ? reader.u64() : undefined,
    type: flags & hasType ? reader.shortText() : undefined,
    userId: flags & hasUserId ? reader.shortText() : undefined,
    appId: flags & hasAppId ? reader.shortText() : undefined,
    clusterId: flags & hasClusterId ? reader.shortText() : undefined,
  };
  return reader.isOdd || reader.at > end ? undefined : properties;
}

class Reader {
  readonly #bytes: Buffer;
  at: number;
  /** Whether something was found that is left to amqplib. */
  isOdd = false;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  u8(): number {
    return this.#bytes[this.at++]!;
  }

  /** Numbers that JavaScript cannot represent exactly are left to amqplib. */
  u64(): number {
    const value = this.#bytes.readUInt32BE(this.at) * 2 ** 32 + this.#bytes.readUInt32BE(this.at + 4);
    this.at += 8;
    if (value > Number.MAX_SAFE_INTEGER) this.isOdd = true;
    return value;
  }

  shortText(): string {
    return this.#text(this.u8());
  }

  table(): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    const end = this.#u32() + this.at;
    while (this.at < end && !this.isOdd) {
      const name = this.shortText();
      const value = this.#value();
      // If a field is repeated, the first value counts (patches/amqplib.md).
      if (name !== "__proto__" && !Object.hasOwn(fields, name)) fields[name] = value;
    }
    if (this.at !== end) this.isOdd = true;
    return fields;
  }

  #value(): unknown {
    switch (this.u8()) {
      case 0x53: // "S", a long text
        return this.#text(this.#u32());
      case 0x6c: // "l", a signed integer of 64 bits; those below 0 are too large here
        return this.u64();
      case 0x49: // "I", a signed integer of 32 bits
        return this.#u32() | 0;
      case 0x74: // "t", a boolean
        return this.u8() !== 0;
      default:
        this.isOdd = true;
        return undefined;
    }
  }

  #u32(): number {
    const value = this.#bytes.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  #text(length: number): string {
    const start = this.at;
    this.at += length;
    return this.#bytes.toString("utf8", start, this.at);
  }
}
