import { copyHeader, type Envelope, packHeader } from "../../../envelope/envelope.ts";
import { isPropertyName } from "../../../properties.ts";
import { audienceHeader, processorsAudience } from "../../../requests.ts";
import {
  classBasic,
  frameBody,
  frameEnd,
  frameHeader,
  frameMethod,
  hasAppId,
  hasContentEncoding,
  hasContentType,
  hasCorrelationId,
  hasDeliveryMode,
  hasExpiration,
  hasHeaders,
  hasMessageId,
  hasPriority,
  hasReplyTo,
  hasTimestamp,
  hasType,
} from "./amqp-wire.ts";
import { clientIdHeader } from "./codec.ts";

const methodPublish = 40;
const persistent = 2;

/** Writes the frames of publishes, one after another. */
export class FrameWriter {
  readonly #buffer: Buffer;
  readonly #channel: number;
  readonly #bodyMax: number;
  #at = 0;

  constructor(buffer: Buffer, channel: number, bodyMax: number) {
    this.#buffer = buffer;
    this.#channel = channel;
    this.#bodyMax = bodyMax;
  }

  written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  frames(written: Uint8Array): void {
    this.#buffer.set(written, this.#at);
    this.#at += written.byteLength;
  }

  message(envelope: Envelope, exchange: string, isMandatory: boolean, isCopy: boolean): void {
    this.#publish(exchange, envelope.routingKey, isMandatory);
    this.#header(envelope, isCopy);
    const { body } = envelope;
    for (let start = 0; start < body.byteLength; start += this.#bodyMax)
      this.#body(body, start, Math.min(start + this.#bodyMax, body.byteLength));
  }

  #publish(exchange: string, routingKey: string, isMandatory: boolean): void {
    const start = this.#begin(frameMethod);
    this.#u16(classBasic);
    this.#u16(methodPublish);
    this.#u16(0); // reserved
    this.#shortText(exchange);
    this.#shortText(routingKey);
    this.#u8(isMandatory ? 1 : 0); // never immediate
    this.#end(start);
  }

  #header(envelope: Envelope, isCopy: boolean): void {
    const { body, contentType, headers, clientId, messageId, timestamp, appId, isRequest, packId } = envelope;
    const start = this.#begin(frameHeader);
    this.#u16(classBasic);
    this.#u16(0); // weight, unused
    this.#u64(body.byteLength);
    const hasTable =
      isCopy || headers !== undefined || clientId !== undefined || isRequest === true || packId !== undefined;
    const encoding = headers?.["content-encoding"];
    const priority = headers?.["priority"];
    const correlationId = headers?.["correlation-id"];
    const replyTo = headers?.["reply-to"];
    const expiration = headers?.["expiration"];
    const type = headers?.["type"];
    this.#u16(
      hasDeliveryMode |
        (contentType === undefined ? 0 : hasContentType) |
        (encoding === undefined ? 0 : hasContentEncoding) |
        (hasTable ? hasHeaders : 0) |
        (priority === undefined ? 0 : hasPriority) |
        (correlationId === undefined ? 0 : hasCorrelationId) |
        (replyTo === undefined ? 0 : hasReplyTo) |
        (expiration === undefined ? 0 : hasExpiration) |
        (messageId === undefined ? 0 : hasMessageId) |
        (timestamp === undefined ? 0 : hasTimestamp) |
        (type === undefined ? 0 : hasType) |
        (appId === undefined ? 0 : hasAppId),
    );
    if (contentType !== undefined) this.#shortText(contentType);
    if (encoding !== undefined) this.#shortText(encoding);
    if (hasTable) this.#table(envelope, isCopy);
    this.#u8(persistent);
    if (priority !== undefined) this.#u8(Number(priority));
    if (correlationId !== undefined) this.#shortText(correlationId);
    if (replyTo !== undefined) this.#shortText(replyTo);
    if (expiration !== undefined) this.#shortText(expiration);
    if (messageId !== undefined) this.#shortText(messageId);
    if (timestamp !== undefined) this.#u64(timestamp);
    if (type !== undefined) this.#shortText(type);
    if (appId !== undefined) this.#shortText(appId);
    this.#end(start);
  }

  #body(body: Buffer, start: number, end: number): void {
    const frame = this.#begin(frameBody);
    this.#at += body.copy(this.#buffer, this.#at, start, end);
    this.#end(frame);
  }

  /** Begins a frame. Returns the position of its size. */
  #begin(type: number): number {
    this.#u8(type);
    this.#u16(this.#channel);
    const start = this.#at;
    this.#at += 4;
    return start;
  }

  #end(start: number): void {
    this.#sizeAt(start);
    this.#u8(frameEnd);
  }

  #table({ headers, clientId, isRequest, packId }: Envelope, isCopy: boolean): void {
    const start = this.#at;
    this.#at += 4;
    for (const name in headers) {
      if (name === clientIdHeader || name === "CC" || name === "BCC" || isPropertyName(name)) continue;
      this.#field(name, headers[name]!);
    }
    if (clientId !== undefined) this.#field(clientIdHeader, clientId);
    if (isRequest === true) this.#field(audienceHeader, processorsAudience);
    if (packId !== undefined) this.#field(packHeader, packId);
    if (isCopy) {
      this.#shortText(copyHeader);
      this.#u8(0x74); // "t": a boolean
      this.#u8(1);
    }
    this.#sizeAt(start);
  }

  #field(name: string, value: string): void {
    this.#shortText(name);
    this.#u8(0x53); // "S": a long text
    const start = this.#at;
    this.#at += 4;
    this.#at += this.#buffer.write(value, this.#at);
    this.#sizeAt(start);
  }

  /** Writes at `start` how many bytes were written after these four. */
  #sizeAt(start: number): void {
    this.#buffer.writeUInt32BE(this.#at - start - 4, start);
  }

  /** @throws RangeError if the text has more than 255 bytes */
  #shortText(value: string): void {
    const bytes = this.#buffer.write(value, this.#at + 1);
    if (bytes > 255)
      throw new RangeError(`"${value.slice(0, 40)}…" has ${bytes} bytes; AMQP allows 255 here`);
    this.#u8(bytes);
    this.#at += bytes;
  }

  #u8(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  #u16(value: number): void {
    this.#buffer[this.#at++] = value >>> 8;
    this.#buffer[this.#at++] = value & 0xff;
  }

  #u64(value: number): void {
    this.#buffer.writeUInt32BE(Math.floor(value / 2 ** 32), this.#at);
    this.#buffer.writeUInt32BE(value >>> 0, this.#at + 4);
    this.#at += 8;
  }
}
