import { isUtf8 } from "node:buffer";
import type { Body, Headers, Message, OutgoingMessage } from "../message.ts";
import { isTextType } from "../properties.ts";
import { packedContentType, unpack } from "./packing.ts";
import type { PlainCopies } from "./plain-copies.ts";

/** A message as it travels and rests in a broker. Section 4 of the design says what each part means. */
export interface Envelope {
  readonly body: Buffer;
  readonly routingKey: string;
  readonly contentType: string | undefined;
  readonly messageId: string | undefined;
  readonly timestamp: number | undefined;
  readonly appId: string | undefined;
  readonly clientId: string | undefined;
  readonly headers: Headers | undefined;
  /** It is for processors alone. */
  readonly isRequest?: boolean | undefined;
  /** It came as a plain copy of what Warren's roles get in packs: it is for other programs. */
  readonly isCopy?: boolean;
  /** What is published with it. What comes from a broker has none. */
  readonly copies?: PlainCopies | undefined;
}

/**
 * The header of plain copies. Whatever its value is, Warren's roles pass such a message over: RabbitMQ does not even bring it to
 * them, since an exchange sorts it out (`topology.ts`).
 */
export const copyHeader = "warren-copy";

export const textContentType = "text/plain";
export const binaryContentType = "application/octet-stream";

/**
 * The envelope of one message. Its id, content type and app id are the message's own, where it has any.
 *
 * @param encoded the body, where it has been encoded already
 */
export function seal(
  message: OutgoingMessage,
  id: string,
  appId: string,
  timestamp: number,
  encoded?: Buffer,
): Envelope {
  const { body, topic, clientId, headers, isRequest } = message;
  return {
    body: encoded ?? toBuffer(body),
    routingKey: topic,
    contentType:
      headers?.["content-type"] ?? (typeof body === "string" ? textContentType : binaryContentType),
    messageId: message.id ?? id,
    timestamp,
    appId: headers?.["app-id"] ?? appId,
    clientId,
    headers,
    ...(isRequest ? { isRequest } : {}),
  };
}

/**
 * The messages in an envelope: one, or many if it is a packed one; none if it is a copy of what comes in another one.
 *
 * @param fallbackId the id of a message whose publisher gave it none
 * @throws MalformedPack if a packed body does not follow its format
 */
export function open(envelope: Envelope, fallbackId: string): Message[] {
  if (envelope.isCopy === true) return [];
  const id = envelope.messageId ?? fallbackId;
  const { appId, timestamp } = envelope;
  if (envelope.contentType === packedContentType) {
    const idAt = idsFrom(id);
    return unpack(envelope.body).map((message, index) => ({
      ...message,
      id: message.id ?? idAt(index),
      appId: message.headers?.["app-id"] ?? appId,
      timestamp: timestampIn(message) ?? timestamp,
    }));
  }
  return [
    {
      body: decodeBody(envelope),
      topic: envelope.routingKey,
      clientId: envelope.clientId,
      headers: envelope.headers,
      ...(envelope.isRequest ? { isRequest: true } : {}),
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

/** What says that it is text but cannot be is bytes to a client. */
function decodeBody({ body, contentType }: Envelope): Body {
  return isTextType(contentType) && isUtf8(body) ? body.toString("utf8") : body;
}

/** When its sender says that it was sent, in seconds since 1970; undefined if it does not say. */
export function timestampIn({ headers }: Pick<OutgoingMessage, "headers">): number | undefined {
  const said = headers?.["timestamp"];
  return said === undefined ? undefined : Number(said);
}

export function toBuffer(body: Body): Buffer {
  if (typeof body === "string") return Buffer.from(body, "utf8");
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
