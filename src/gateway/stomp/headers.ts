import { type Body, type Headers, isReservedHeader, isShortText } from "../../message.ts";
import { bodyIn, faultInProperty, isPropertyName } from "../../properties.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import type { Frame } from "../../wire/stomp/frames.ts";

/** Headers of SEND and MESSAGE with a meaning for STOMP or Warren. They are never an application's own. */
const reserved = new Set([
  "destination",
  "receipt",
  "receipt-id",
  "transaction",
  "content-length",
  "content-type",
  "message-id",
  "subscription",
  "ack",
  "client-id",
]);

/** Whether a header is the application's own, and so is passed on with the message. */
export function isOwnHeader(name: string): boolean {
  return !reserved.has(name) && !isReservedHeader(name);
}

const contentType = "content-type";
const text = "text/plain";
const binary = "application/octet-stream";

/**
 * The headers of a SEND that go over AMQP: the application's own, and AMQP's properties. A content type is left out if it only says whether
 * the body is text. Headers that a client may not set are left out too.
 *
 * @throws StompFault if AMQP could not carry a name, or if a property's value is invalid
 */
export function travellingHeaders({ headers }: Frame): Headers | undefined {
  let travelling: Record<string, string> | undefined;
  for (const [name, value] of headers) {
    if (!(isOwnHeader(name) || (name === contentType && saysMore(value)))) continue;
    if (!isShortText(name) || name === "")
      throw new StompFault("a header's name has 1 to 255 bytes", { receipt: headers.get("receipt") });
    const fault = isPropertyName(name) ? faultInProperty(name, value) : undefined;
    if (fault !== undefined) throw new StompFault(`${name} ${fault}`, { receipt: headers.get("receipt") });
    // Without a prototype, so that no header name has a meaning for JavaScript.
    travelling ??= Object.create(null) as Record<string, string>;
    travelling[name] = value;
  }
  return travelling;
}

function saysMore(type: string): boolean {
  return type !== binary && !/^text\/plain(?:; ?charset="?utf-?8"?)?$/i.test(type);
}

/** A copy of the body: text if the bytes are UTF-8 and the content type is missing or a text type; otherwise bytes. */
export function bodyOf({ headers, body }: Frame): Body {
  const own = bodyIn(body, headers.get(contentType));
  return own === body ? Buffer.from(body) : own;
}

/** The content type of a MESSAGE: the sender's, or else the default for the body. */
export function contentTypeOf(body: Body, headers: Headers | undefined): string {
  const said = headers?.[contentType];
  if (said !== undefined && !said.includes("\0")) return said;
  return typeof body === "string" ? text : binary;
}
