import { copyHeader, type Envelope, packHeader } from "../../../envelope/envelope.ts";
import { audienceHeader, processorsAudience } from "../../../requests.ts";
import { bytesPerUnitMax, frameOverhead } from "./amqp-wire.ts";
import { FrameWriter } from "./frame-writer.ts";

/**
 * Writes many publishes as AMQP 0-9-1 frames into one buffer, for one write to the socket.
 *
 * amqplib can do this too, message by message, through a stream of buffers for each channel. `bun test/bench/publish.ts` shows what that
 * costs on the hot path, which is why this file exists. It supports only what Warren publishes: persistent messages with text headers. See
 * these sections of the specification: 2.3.5 (frames), 4.2.6 (content), 1.8.3.7 (basic.publish), and 1.8 for the order of the properties.
 */

/** More than all fixed-size parts of a publish's method and header frames. */
const fixedBytesMax = 128;

/** The size of the header that marks a message as being for processors only. */
const audienceBytes = 6 + audienceHeader.length + processorsAudience.length;

/** Where frames go, and how large they may be. */
export interface FramesOptions {
  /** The exchange that is published to. */
  readonly exchange: string;
  /** The exchange for plain copies. */
  readonly copiesTo?: string;
  /** The channel's number. */
  readonly channel: number;
  /** The negotiated limit for a frame, in bytes. */
  readonly frameMax: number;
  /** Whether RabbitMQ returns what reaches no queue. */
  readonly isMandatory: boolean;
}

/**
 * Writes what is due of each envelope: first its copies, and then the envelope itself. Only copies that ask whether they reach anybody are
 * mandatory.
 *
 * @param before frames to write before them, in the same piece
 */
export function publishFrames(
  envelopes: readonly Envelope[],
  { exchange, copiesTo = exchange, channel, frameMax, isMandatory }: FramesOptions,
  before: Uint8Array = nothing,
): Buffer {
  const bodyMax = frameMax - frameOverhead;
  let size = before.byteLength;
  for (const envelope of envelopes) {
    size += sizeMax(envelope, exchange, bodyMax);
    if (envelope.copies === undefined) continue;
    for (const copy of envelope.copies.envelopes) size += copyFieldBytes + sizeMax(copy, copiesTo, bodyMax);
  }
  const writer = new FrameWriter(Buffer.allocUnsafeSlow(size), channel, bodyMax);
  writer.frames(before);
  for (const envelope of envelopes) {
    const { copies } = envelope;
    if (copies !== undefined) {
      for (let part = 0; part < copies.length; part++)
        if (!copies.isTaken(part) && !copies.isWithheld(part))
          writer.message(copies.envelopes[part]!, copiesTo, copies.isAsking(part), true);
      if (copies.isEnvelopeTaken) continue;
    }
    writer.message(envelope, exchange, isMandatory, false);
  }
  return writer.written();
}

/** Writes copies that were withheld. */
export function copyFrames(
  copies: readonly Envelope[],
  { exchange, copiesTo = exchange, channel, frameMax }: FramesOptions,
): Buffer {
  const bodyMax = frameMax - frameOverhead;
  let size = 0;
  for (const copy of copies) size += copyFieldBytes + sizeMax(copy, copiesTo, bodyMax);
  const writer = new FrameWriter(Buffer.allocUnsafeSlow(size), channel, bodyMax);
  for (const copy of copies) writer.message(copy, copiesTo, false, true);
  return writer.written();
}

/** What the header of copies takes: its name, type and value. In bytes. */
const copyFieldBytes = 3 + copyHeader.length;

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
    packId,
  } = envelope;
  let units =
    exchange.length +
    routingKey.length +
    contentType.length +
    messageId.length +
    appId.length +
    clientId.length;
  let fixed = fixedBytesMax + (isRequest === true ? audienceBytes : 0);
  if (packId !== undefined) {
    units += packHeader.length + packId.length;
    fixed += 6;
  }
  for (const name in headers) {
    units += name.length + headers[name]!.length;
    fixed += 6;
  }
  return (
    fixed + bytesPerUnitMax * units + body.byteLength + frameOverhead * Math.ceil(body.byteLength / bodyMax)
  );
}
