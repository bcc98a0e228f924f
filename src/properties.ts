import { isUtf8 } from "node:buffer";
import { type Body, type Headers, isShortText } from "./message.ts";

/**
 * The AMQP properties of a message that are headers for clients and handlers, under the names that RabbitMQ's own STOMP plugin uses. Within
 * Warren they are among the message's headers; a header with such a name is always the property.
 */
export const propertyNames = [
  "content-type",
  "content-encoding",
  "correlation-id",
  "reply-to",
  "type",
  "priority",
  "expiration",
  "app-id",
  "timestamp",
] as const;
/** The name of a property of AMQP's, as a header has it. */
export type PropertyName = (typeof propertyNames)[number];

const known: ReadonlySet<string> = new Set(propertyNames);

/** Whether a header of this name is a property of AMQP's. */
export function isPropertyName(name: string): name is PropertyName {
  return known.has(name);
}

/** RabbitMQ's longest time to live, in milliseconds: about 49 days. */
const expirationMsMax = 2 ** 32 - 1;
/** Seconds since 1970 that every language can read: up to the year 9999. */
const timestampMax = 253_402_300_799;

/**
 * The prefix of the content types of Warren's own envelopes: packs and marks. A client could use one to have its body read as other
 * clients' messages on any topic, or to have it ignored. No application needs such a type, so all of them are refused.
 */
const warrenTypes = /^application\/vnd\.warren\./i;

/** What is wrong with a property's value, in words that complete its name; undefined if it is valid. */
export function faultInProperty(name: PropertyName, value: string): string | undefined {
  switch (name) {
    case "priority":
      return isWhole(value, 255) ? undefined : "is a whole number from 0 to 255";
    case "expiration":
      return isWhole(value, expirationMsMax)
        ? undefined
        : `is a time in milliseconds, from 0 to ${expirationMsMax}`;
    case "timestamp":
      return isWhole(value, timestampMax) ? undefined : "is a time in whole seconds since 1970";
    case "content-type":
      if (warrenTypes.test(value)) return "is none of Warren's own (application/vnd.warren.…)";
      break;
    case "reply-to":
      // RabbitMQ closes the channel of a publisher that uses such a queue without having asked for it.
      if (value.startsWith("amq.rabbitmq.")) return "is none of RabbitMQ's own queues (amq.rabbitmq.…)";
      break;
  }
  return isShortText(value) ? undefined : "has at most 255 bytes";
}

function isWhole(text: string, most: number): boolean {
  return /^\d{1,15}$/.test(text) && Number(text) <= most;
}

/** Bodies of these types are text if they are UTF-8. */
const textual =
  /^(?:text\/|application\/(?:json|xml|javascript|ecmascript|x-javascript|x-www-form-urlencoded)\b|[^;]*\+(?:json|xml)\s*(?:;|$))/i;

/** Whether a body of this content type may be text. One without a type may be anything. */
export function isTextType(contentType: string | undefined): boolean {
  return contentType === undefined || textual.test(contentType);
}

/** A message's body: text if the content type is missing or a text type and the bytes are UTF-8. Otherwise it may be the bytes themselves. */
export function bodyIn(bytes: Buffer, contentType: string | undefined): Body {
  return isTextType(contentType) && isUtf8(bytes) ? bytes.toString("utf8") : bytes;
}

/**
 * Whether a message is too old to be delivered or handled. Without `expiration` it never is.
 *
 * @param now milliseconds since 1970
 */
export function isExpired(
  { headers, timestamp }: { readonly headers?: Headers | undefined; readonly timestamp?: number | undefined },
  now: () => number = Date.now,
): boolean {
  const expiration = headers?.["expiration"];
  if (expiration === undefined || timestamp === undefined) return false;
  // The timestamp is in whole seconds, so allow for the rest of its second.
  return now() >= timestamp * 1000 + 1000 + Number(expiration);
}
