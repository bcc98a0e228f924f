import { isUtf8 } from "node:buffer";
import { bytesCostBytes, messageCostBytes, textCostBytes } from "../costs.ts";
import type { Body, Headers, Message, OutgoingMessage } from "../message.ts";
import { isTextType } from "../properties.ts";
import { packedContentType } from "./packing.ts";
import type { PlainCopies } from "./plain-copies.ts";
import { bodyIn, headsIn } from "./unpacking.ts";

/** A message in the form in which brokers carry and keep it. */
export interface Envelope {
  /** The body that AMQP carries. */
  readonly body: Buffer;
  /** AMQP's `routing_key`: a topic, or the pack's own key. */
  readonly routingKey: string;
  /** AMQP's `content_type`. */
  readonly contentType: string | undefined;
  /** AMQP's `message_id`. */
  readonly messageId: string | undefined;
  /** AMQP's `timestamp`, in seconds since 1970. */
  readonly timestamp: number | undefined;
  /** AMQP's `app_id`: its publisher. */
  readonly appId: string | undefined;
  /** The header `client-id`: the sender, or the only recipient. */
  readonly clientId: string | undefined;
  readonly headers: Headers | undefined;
  /** Whether it is only for processors. */
  readonly isRequest?: boolean | undefined;
  /**
   * Set if the message was taken out of a pack that the broker had not confirmed: the pack's id. If the broker had taken the pack after
   * all, this is a repeat.
   */
  readonly packId?: string | undefined;
  /** Whether it is a plain copy of a message that Warren's roles get in a pack. It is only for other programs. */
  readonly isCopy?: boolean;
  /** Copies that are published with it. An envelope from a broker has none. */
  readonly copies?: Copies | undefined;
}

/** Plain copies of the messages in an envelope. */
export type Copies = PlainCopies<Envelope>;

/** The header of a message that was taken out of a pack: the pack's id. */
export const packHeader = "warren-pack";

/**
 * The header of plain copies. Whatever its value, Warren's roles ignore such a message. Usually RabbitMQ does not even deliver it to them,
 * since an exchange selects it (`topology.ts`).
 */
export const copyHeader = "warren-copy";

const textContentType = "text/plain";
const binaryContentType = "application/octet-stream";

/**
 * The envelope of one message. The message's own id, content type and app id are used if it has them.
 *
 * @param encoded the body, if it is encoded already
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

/** Everything of a message except its body. */
export type Head = Omit<Message, "body">;

/** The messages in an envelope: all heads, and bodies on request. */
export interface Contents {
  /** The head of each message, in order. */
  readonly heads: readonly Head[];
  /** The message with this index. Its body is decoded now. */
  at(index: number): Message;
  /** What all of its messages take in memory when they are decoded. In bytes. */
  readonly costBytes: number;
}

/**
 * The messages in an envelope: one, or several if it is a pack; none if it is a plain copy of messages in another envelope.
 *
 * @param fallbackId the id for a message whose publisher gave it none
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

/** Contents that consist of these decoded messages. */
export function contentsWith(messages: readonly Message[]): Contents {
  return new Decoded(messages);
}

/** A class without functions of its own per object: a log in memory has very many of these. */
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
        costBytes += isBytes ? bytesCostBytes(end - start) : 2 * (end - start);
      }
      return costBytes;
    },
  };
}

/** What a message from a broker takes, including its ids. In bytes. */
export function keptCostBytes(message: Message): number {
  return messageCostBytes(message) + textCostBytes(message.appId ?? "");
}

/**
 * The messages in an envelope, decoded.
 *
 * @param fallbackId the id for a message whose publisher gave it none
 * @throws MalformedPack if a packed body does not follow its format
 */
export function open(envelope: Envelope, fallbackId: string): Message[] {
  const contents = contentsOf(envelope, fallbackId);
  return contents.heads.map((_, index) => contents.at(index));
}

/** The ids of a pack's messages. The first has the envelope's id, and the others are numbered on from it. */
function idsFrom(first: string): (index: number) => string {
  const [, name, number] = /^(.*-)(\d{1,15})$/.exec(first) ?? [];
  if (name === undefined) return (index) => `${first}-${index}`;
  return (index) => `${name}${Number(number) + index}`;
}

/** A body that is declared as text but is not UTF-8 is delivered as bytes. */
function decodeBody({ body, contentType }: Envelope): Body {
  return isTextType(contentType) && isUtf8(body) ? body.toString("utf8") : body;
}

/** When the message was sent, according to its sender, in seconds since 1970; undefined if it does not say. */
export function timestampIn({ headers }: Pick<OutgoingMessage, "headers">): number | undefined {
  const said = headers?.["timestamp"];
  return said === undefined ? undefined : Number(said);
}

/** A body's bytes; text in UTF-8. */
export function toBuffer(body: Body): Buffer {
  if (typeof body === "string") return Buffer.from(body, "utf8");
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
