import { toBuffer } from "../../envelope/envelope.ts";
import type { Body } from "../../message.ts";
import type { Delivery, Relayed } from "../fan-out/encoding.ts";

/** A message as JSON shows it. */
export interface JsonEnvelope {
  /** The message's topic. */
  readonly topic: string;
  /** The sender's client id. */
  readonly client?: string;
  /** Seconds since 1970. */
  readonly timestamp?: number;
  /** The message's id. */
  readonly id: string;
  /** The message's headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text, or bytes if `encoding` is set. */
  readonly body: string;
  /** Set if the body is bytes. */
  readonly encoding?: "base64";
  /** Set if the message is for this client alone. */
  readonly direct?: true;
}

/** The envelope of a message, for events and polls. @param id the message's */
export function envelopeOf(
  { topic, clientId, timestamp, headers, body }: Relayed,
  id: string,
  { isForOne = false }: Delivery,
): JsonEnvelope {
  return {
    topic,
    // In a message for one client, the client id is that client's, not the sender's.
    ...(clientId === undefined || isForOne ? {} : { client: clientId }),
    ...(timestamp === undefined ? {} : { timestamp }),
    id,
    headers: headers ?? {},
    ...(isPlain(body) ? { body } : { body: base64(body), encoding: "base64" }),
    ...(isForOne ? { direct: true } : {}),
  };
}

/**
 * Whether JSON has the body as text. Control characters take six times as much there, so that a message that is as large as it may be would
 * have each of its receivers keep several megabytes.
 */
function isPlain(body: Body): body is string {
  return typeof body === "string" && !growsTooMuch(body, JSON.stringify);
}

/** A text of up to this is written as text, however much longer that makes it. In UTF-16 units. */
const smallMax = 64 * 1024;

/** Whether a text is large, and more than twice as long as it would be written: base64 is shorter then. */
export function growsTooMuch(text: string, write: (text: string) => string): boolean {
  return text.length > smallMax && write(text).length > 2 * text.length;
}

/** A body in base64. */
export function base64(body: Body): string {
  return toBuffer(body).toString("base64");
}
