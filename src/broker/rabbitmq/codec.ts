import type { ConsumeMessage } from "amqplib";
import { type Headers, isReservedHeader, isShortText } from "../../message.ts";
import type { Envelope } from "../broker.ts";

/** On `wsmanager` who sent it, on `towsmanager` who alone shall receive it. */
export const clientIdHeader = "client-id";

/** A client id that no client has, since none has control characters. */
const nobody = "\u0000";

/** What RabbitMQ delivered, whoever published it: parts of the wrong type are taken as absent. */
export function fromDelivery({ content, fields, properties }: ConsumeMessage): Envelope {
  const table: Readonly<Record<string, unknown>> = properties.headers ?? {};
  return {
    body: content,
    routingKey: fields.routingKey,
    contentType: text(properties.contentType),
    messageId: text(properties.messageId),
    timestamp: typeof properties.timestamp === "number" ? properties.timestamp : undefined,
    appId: text(properties.appId),
    clientId: clientIdOf(table[clientIdHeader]),
    headers: applicationHeaders(table),
  };
}

/** The stream offset of a delivery from the log. */
export function offsetOf({ properties }: ConsumeMessage): number {
  const offset: unknown = properties.headers?.["x-stream-offset"];
  if (typeof offset !== "number") throw new TypeError("a delivery from the stream without x-stream-offset");
  return offset;
}

/** How often a quorum queue has delivered it before, in vain; other queues do not count. */
export function deliveryCountOf({ properties }: Pick<ConsumeMessage, "properties">): number {
  const count: unknown = properties.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : 0;
}

/**
 * Texts, numbers and booleans that an application set. A name that AMQP could not carry again, since it is empty or grows beyond
 * 255 bytes as text, is left out like a reserved one: it would spoil every message that it is passed on with.
 */
function applicationHeaders(table: Readonly<Record<string, unknown>>): Headers | undefined {
  let headers: Record<string, string> | undefined;
  for (const name in table) {
    if (name === clientIdHeader || isReservedHeader(name) || name === "" || !isShortText(name)) continue;
    const value = table[name];
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") continue;
    headers ??= {};
    headers[name] = String(value);
  }
  return headers;
}

/** STOMP cannot carry a NUL, and whoever sends one means no good. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && !value.includes("\0") ? value : undefined;
}

/**
 * What is addressed to one client must not reach all of them because the address is odd: one that can be nobody's is taken as
 * that. Programs in some languages have numbers or bytes where they mean a text.
 */
function clientIdOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string" && typeof value !== "number" && !Buffer.isBuffer(value)) return nobody;
  const id = String(value);
  return isShortText(id) ? id : nobody;
}
