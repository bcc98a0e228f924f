import { isUtf8 } from "node:buffer";
import type { Body, Message, OutgoingMessage } from "../message.ts";
import type { Envelope } from "./broker.ts";
import { packedContentType, unpack } from "./packing.ts";

export const textContentType = "text/plain";
export const binaryContentType = "application/octet-stream";

/** The envelope of one message. */
export function seal(message: OutgoingMessage, id: string, appId: string, timestamp: number): Envelope {
  const isText = typeof message.body === "string";
  return {
    body: toBuffer(message.body),
    routingKey: message.topic,
    contentType: isText ? textContentType : binaryContentType,
    messageId: id,
    timestamp,
    appId,
    clientId: message.clientId,
    headers: message.headers,
  };
}

/**
 * The messages in an envelope: one, or many if it is a packed one.
 *
 * @param fallbackId the id of a message whose publisher gave it none
 * @throws MalformedPack if a packed body does not follow its format
 */
export function open(envelope: Envelope, fallbackId: string): Message[] {
  const id = envelope.messageId ?? fallbackId;
  const { appId, timestamp } = envelope;
  if (envelope.contentType === packedContentType) {
    const idAt = idsFrom(id);
    return unpack(envelope.body).map((message, index) => ({
      ...message,
      id: idAt(index),
      appId,
      timestamp,
    }));
  }
  return [
    {
      body: decodeBody(envelope),
      topic: envelope.routingKey,
      clientId: envelope.clientId,
      headers: envelope.headers,
      id,
      appId,
      timestamp,
    },
  ];
}

/** The ids of a packed envelope's messages: the first one's is the envelope's, and they are numbered on from it. */
function idsFrom(first: string): (index: number) => string {
  const [, name, number] = /^(.*-)(\d{1,15})$/.exec(first) ?? [];
  if (name === undefined) return (index) => `${first}-${index}`;
  return (index) => `${name}${Number(number) + index}`;
}

/** Text unless it says that it is binary, or is not UTF-8: what says it is text but cannot be is bytes to a client. */
function decodeBody({ body, contentType }: Envelope): Body {
  return contentType !== binaryContentType && isUtf8(body) ? body.toString("utf8") : body;
}

export function toBuffer(body: Body): Buffer {
  if (typeof body === "string") return Buffer.from(body, "utf8");
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
