import { type Body, type Headers, isReservedHeader, isShortText } from "../../message.ts";
import { bodyIn, faultInProperty, isPropertyName } from "../../properties.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import type { Frame } from "../../wire/stomp/frames.ts";

/** What STOMP, or Warren, says with a header of a SEND or a MESSAGE. None of these is an application's own. */
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

/** Whether a header is the application's own, and so travels with the message. */
export function isOwnHeader(name: string): boolean {
  return !reserved.has(name) && !isReservedHeader(name);
}

const contentType = "content-type";
const text = "text/plain";
const binary = "application/octet-stream";

/**
 * The headers of a SEND that travel over AMQP: the application's own, and AMQP's properties, of which a content type travels
 * only if it says more than whether the body is text. What a client may not set is left out.
 *
 * @throws StompFault if AMQP could not carry a name, or a property's value is none
 */
export function travellingHeaders({ headers }: Frame): Headers | undefined {
  let travelling: Record<string, string> | undefined;
  for (const [name, value] of headers) {
    if (!(isOwnHeader(name) || (name === contentType && saysMore(value)))) continue;
    if (!isShortText(name) || name === "")
      throw new StompFault("a header's name has 1 to 255 bytes", { receipt: headers.get("receipt") });
    const fault = isPropertyName(name) ? faultInProperty(name, value) : undefined;
    if (fault !== undefined) throw new StompFault(`${name} ${fault}`, { receipt: headers.get("receipt") });
    // Without a prototype, so that no name means anything to JavaScript.
    travelling ??= Object.create(null) as Record<string, string>;
    travelling[name] = value;
  }
  return travelling;
}

function saysMore(type: string): boolean {
  return type !== binary && !/^text\/plain(?:; ?charset="?utf-?8"?)?$/i.test(type);
}

/** A copy of the body: text if its bytes are UTF-8 and its content type is one of text or missing, else bytes. */
export function bodyOf({ headers, body }: Frame): Body {
  const own = bodyIn(body, headers.get(contentType));
  return own === body ? Buffer.from(body) : own;
}

/** The content type of a MESSAGE: what the sender said, or what the body is. */
export function contentTypeOf(body: Body, headers: Headers | undefined): string {
  const said = headers?.[contentType];
  if (said !== undefined && !said.includes("\0")) return said;
  return typeof body === "string" ? text : binary;
}
