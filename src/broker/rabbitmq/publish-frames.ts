import type { Envelope } from "../../envelope/envelope.ts";
import { isPropertyName } from "../../properties.ts";
import { audienceHeader, processorsAudience } from "../../requests.ts";
import { clientIdHeader } from "./codec.ts";

/**
 * Writes many publishes as AMQP 0-9-1 frames into one buffer, for one write to the socket.
 *
 * amqplib does this too, message by message, through a stream of buffers for each channel; `bun test/bench/publish.ts`
 * shows what that costs on the hot path, which is why this file exists. Only what Warren publishes is supported:
 * persistent messages with text headers. The specification's sections: 2.3.5 (frames), 4.2.6 (content), 1.8.3.7
 * (basic.publish), and 1.8 for the order of the properties.
 */

const frameMethod = 1;
const frameHeader = 2;
const frameBody = 3;
const frameEnd = 0xce;
/** Type, channel and size before a frame's payload, and the end behind it. */
export const frameOverhead = 8;

const classBasic = 60;
const methodPublish = 40;

const hasContentType = 1 << 15;
const hasContentEncoding = 1 << 14;
const hasHeaders = 1 << 13;
const hasDeliveryMode = 1 << 12;
const hasPriority = 1 << 11;
const hasCorrelationId = 1 << 10;
const hasReplyTo = 1 << 9;
const hasExpiration = 1 << 8;
const hasMessageId = 1 << 7;
const hasTimestamp = 1 << 6;
const hasType = 1 << 5;
const hasAppId = 1 << 3;
const persistent = 2;

/** A UTF-16 code unit takes at most this many bytes as UTF-8. */
const bytesPerUnitMax = 3;
/** More than all parts of fixed size in a publish's method and header frames. */
const fixedBytesMax = 128;

/** Of the header that says that a message is for processors alone. */
const audienceBytes = 6 + audienceHeader.length + processorsAudience.length;

export interface FramesOptions {
  readonly exchange: string;
  readonly channel: number;
  /** The negotiated limit for a frame, in bytes. */
  readonly frameMax: number;
  /** Whether RabbitMQ gives back what reaches no queue at all. */
  readonly isMandatory: boolean;
}

/** @param before frames to be written in the same piece */
export function publishFrames(
  envelopes: readonly Envelope[],
  { exchange, channel, frameMax, isMandatory }: FramesOptions,
  before: Uint8Array = nothing,
): Buffer {
  const bodyMax = frameMax - frameOverhead;
  let size = before.byteLength;
  for (const envelope of envelopes) size += sizeMax(envelope, exchange, bodyMax);
  const writer = new FrameWriter(Buffer.allocUnsafeSlow(size), channel);
  writer.frames(before);
  for (const envelope of envelopes) {
    writer.publish(exchange, envelope.routingKey, isMandatory);
    writer.header(envelope);
    const { body } = envelope;
    for (let start = 0; start < body.byteLength; start += bodyMax) {
      writer.body(body, start, Math.min(start + bodyMax, body.byteLength));
    }
  }
  return writer.written();
}

const nothing = new Uint8Array();

function sizeMax(envelope: Envelope, exchange: string, bodyMax: number): number {
  const {
    body,
    routingKey,
    contentType = "",
    messageId = "",
    appId = "",
    clientId = "",
    headers,
    isRequest,
  } = envelope;
  let units =
    exchange.length +
    routingKey.length +
    contentType.length +
    messageId.length +
    appId.length +
    clientId.length;
  let fixed = fixedBytesMax + (isRequest === true ? audienceBytes : 0);
  for (const name in headers) {
    units += name.length + headers[name]!.length;
    fixed += 6;
  }
  return (
    fixed + bytesPerUnitMax * units + body.byteLength + frameOverhead * Math.ceil(body.byteLength / bodyMax)
  );
}

class FrameWriter {
  readonly #buffer: Buffer;
  readonly #channel: number;
  #at = 0;

  constructor(buffer: Buffer, channel: number) {
    this.#buffer = buffer;
    this.#channel = channel;
  }

  written(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  frames(written: Uint8Array): void {
    this.#buffer.set(written, this.#at);
    this.#at += written.byteLength;
  }

  publish(exchange: string, routingKey: string, isMandatory: boolean): void {
    const start = this.#begin(frameMethod);
    this.#u16(classBasic);
    this.#u16(methodPublish);
    this.#u16(0); // reserved
    this.#shortText(exchange);
    this.#shortText(routingKey);
    this.#u8(isMandatory ? 1 : 0); // never immediate
    this.#end(start);
  }

  header({ body, contentType, headers, clientId, messageId, timestamp, appId, isRequest }: Envelope): void {
    const start = this.#begin(frameHeader);
    this.#u16(classBasic);
    this.#u16(0); // weight, unused
    this.#u64(body.byteLength);
    const hasTable = headers !== undefined || clientId !== undefined || isRequest === true;
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
    if (hasTable) this.#table(headers, clientId, isRequest === true);
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

  body(body: Buffer, start: number, end: number): void {
    const frame = this.#begin(frameBody);
    this.#at += body.copy(this.#buffer, this.#at, start, end);
    this.#end(frame);
  }

  /** Returns where the frame's size goes. */
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

  #table(headers: Envelope["headers"], clientId: string | undefined, isRequest: boolean): void {
    const start = this.#at;
    this.#at += 4;
    for (const name in headers) {
      if (name === clientIdHeader || name === "CC" || name === "BCC" || isPropertyName(name)) continue;
      this.#field(name, headers[name]!);
    }
    if (clientId !== undefined) this.#field(clientIdHeader, clientId);
    if (isRequest) this.#field(audienceHeader, processorsAudience);
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

  /** Writes at `start` how much has been written since the four bytes of the size itself. */
  #sizeAt(start: number): void {
    this.#buffer.writeUInt32BE(this.#at - start - 4, start);
  }

  /** @throws RangeError if it has more than 255 bytes */
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
