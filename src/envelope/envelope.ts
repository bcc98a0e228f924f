import { isUtf8 } from "node:buffer";
import { bufferCostBytes, messageCostBytes, textCostBytes } from "../costs.ts";
import type { Body, Headers, Message, OutgoingMessage } from "../message.ts";
import { isTextType } from "../properties.ts";
import { packedContentType } from "./packing.ts";
import type { PlainCopies } from "./plain-copies.ts";
import { bodyIn, headsIn } from "./unpacking.ts";

/** A message as it travels and rests in a broker. Section 4 of the design says what each part means. */
export interface Envelope {
  /** The body that AMQP carries. */
  readonly body: Buffer;
  /** AMQP's `routing_key`: a topic, or what a pack goes by. */
  readonly routingKey: string;
  /** AMQP's `content_type`. */
  readonly contentType: string | undefined;
  /** AMQP's `message_id`. */
  readonly messageId: string | undefined;
  /** AMQP's `timestamp`, in seconds since 1970. */
  readonly timestamp: number | undefined;
  /** AMQP's `app_id`: who published it. */
  readonly appId: string | undefined;
  /** The header `client-id`: the client that it is from, or for. */
  readonly clientId: string | undefined;
  readonly headers: Headers | undefined;
  /** It is for processors alone. */
  readonly isRequest?: boolean | undefined;
  /** The id of the pack that it was taken out of, since the broker had not taken that one: if it had all the same, this is a repeat. */
  readonly packId?: string | undefined;
  /** It came as a plain copy of what Warren's roles get in packs: it is for other programs. */
  readonly isCopy?: boolean;
  /** What is published with it. What comes from a broker has none. */
  readonly copies?: Copies | undefined;
}

/** Plain copies of the messages in an envelope. */
export type Copies = PlainCopies<Envelope>;

/** The header of a message that was taken out of a pack: the pack's id. */
export const packHeader = "warren-pack";

/**
 * The header of plain copies. Whatever its value is, Warren's roles pass such a message over: RabbitMQ does not even bring it to
 * them, since an exchange sorts it out (`topology.ts`).
 */
export const copyHeader = "warren-copy";

const textContentType = "text/plain";
const binaryContentType = "application/octet-stream";

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

/** All of a message but its body. */
export type Head = Omit<Message, "body">;

/** The messages in an envelope: what each of them is, and its body for those that want it. */
export interface Contents {
  /** The head of each message, in order. */
  readonly heads: readonly Head[];
  /** The message with this index, whose body is decoded now. */
  at(index: number): Message;
  /** What all of its messages take in memory when they are decoded. In bytes. */
  readonly costBytes: number;
}

/**
 * The messages in an envelope: one, or many if it is a packed one; none if it is a copy of what comes in another one.
 *
 * @param fallbackId the id of a message whose publisher gave it none
 * @throws MalformedPack if a packed body does not follow its format
 */
export function contentsOf(envelope: Envelope, fallbackId: string): Contents {
  if (envelope.isCopy === true) return contentsWith([]);
  const id = envelope.messageId ?? fallbackId;
  const { appId, timestamp } = envelope;
  if (envelope.contentType === packedContentType) return packed(envelope.body, id, appId, timestamp);
  const head = {
    topic: envelope.routingKey,
    clientId: envelope.clientId,
    headers: envelope.headers,
    ...(envelope.isRequest ? { isRequest: true } : {}),
    id,
    appId,
    timestamp,
  };
  const at = () => ({ ...head, body: decodeBody(envelope) });
  return {
    heads: [head],
    at,
    get costBytes() {
      return keptCostBytes(at());
    },
  };
}

/** These messages, which are decoded. */
export function contentsWith(messages: readonly Message[]): Contents {
  return new Decoded(messages);
}

/** No functions of its own: a log in memory has very many. */
class Decoded implements Contents {
  readonly heads: readonly Message[];

  constructor(messages: readonly Message[]) {
    this.heads = messages;
  }

  at(index: number): Message {
    return this.heads[index]!;
  }

  get costBytes(): number {
    return this.heads.reduce((sum, message) => sum + keptCostBytes(message), 0);
  }
}

function packed(
  body: Buffer,
  packId: string,
  packAppId: string | undefined,
  packTimestamp: number | undefined,
): Contents {
  const places = headsIn(body);
  const idAt = idsFrom(packId);
  const heads = places.map(({ topic, clientId, headers, id, isRequest }, index) => ({
    topic,
    clientId,
    headers,
    ...(isRequest ? { isRequest } : {}),
    id: id ?? idAt(index),
    appId: headers?.["app-id"] ?? packAppId,
    timestamp: timestampIn({ headers }) ?? packTimestamp,
  }));
  return {
    heads,
    at: (index) => ({ ...heads[index]!, body: bodyIn(body, places[index]!) }),
    get costBytes() {
      let costBytes = 0;
      for (const [index, head] of heads.entries()) {
        const { start, end, isBytes } = places[index]!;
        costBytes += keptCostBytes({ ...head, body: "" });
        costBytes += isBytes ? bufferCostBytes(body.subarray(start, end)) : 2 * (end - start);
      }
      return costBytes;
    },
  };
}

/** What a message that came from a broker takes, with its ids. */
export function keptCostBytes(message: Message): number {
  return messageCostBytes(message) + textCostBytes(message.appId ?? "");
}

/**
 * The messages in an envelope, decoded.
 *
 * @param fallbackId the id of a message whose publisher gave it none
 * @throws MalformedPack if a packed body does not follow its format
 */
export function open(envelope: Envelope, fallbackId: string): Message[] {
  const contents = contentsOf(envelope, fallbackId);
  return contents.heads.map((_, index) => contents.at(index));
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

/** A body's bytes; text in UTF-8. */
export function toBuffer(body: Body): Buffer {
  if (typeof body === "string") return Buffer.from(body, "utf8");
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
