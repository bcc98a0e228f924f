import { isUtf8 } from "node:buffer";
import type { ConsumeMessage } from "amqplib";
import { copyHeader, type Envelope, packHeader } from "../../../envelope/envelope.ts";
import { packedContentType } from "../../../envelope/packing.ts";
import { type Headers, isReservedHeader, isShortText } from "../../../message.ts";
import { faultInProperty, isPropertyName, type PropertyName } from "../../../properties.ts";
import { audienceHeader, processorsAudience } from "../../../requests.ts";

/** On `wsmanager` the sender, on `towsmanager` the only recipient. */
export const clientIdHeader = "client-id";

/** A client id that no client can have, since client ids have no control characters. */
const nobody = "\u0000";

/** Decodes a delivery from any publisher. Parts of the wrong type count as absent. */
export function fromDelivery({ content, fields, properties }: ConsumeMessage): Envelope {
  const table: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const messageId = text(properties.messageId);
  const envelope = {
    body: content,
    routingKey: fields.routingKey,
    contentType: text(properties.contentType),
    messageId,
    timestamp: timeOf(properties.timestamp),
    appId: text(properties.appId),
    clientId: clientIdOf(table[clientIdHeader]),
    headers: withProperties(applicationHeaders(table), properties, messageId),
    ...(text(table[audienceHeader]) === processorsAudience ? { isRequest: true } : {}),
    ...(packHeader in table ? { packId: text(table[packHeader]) } : {}),
  };
  return copyHeader in table ? { ...envelope, isCopy: true } : envelope;
}

/** The stream offset of a delivery from the log. */
export function offsetOf({ properties }: ConsumeMessage): number {
  const offset: unknown = properties.headers?.["x-stream-offset"];
  if (typeof offset !== "number") throw new TypeError("a delivery from the stream without x-stream-offset");
  return offset;
}

/** How often a quorum queue has delivered the message before, in vain. Other queues do not count. */
export function deliveryCountOf({ properties }: Pick<ConsumeMessage, "properties">): number {
  const count: unknown = properties.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : 0;
}

/**
 * The texts, numbers, booleans and times that an application set. A name that AMQP could not carry again, because it is empty or longer
 * than 255 bytes as text, is left out like a reserved one. Otherwise every message that it is passed on with would be refused.
 */
function applicationHeaders(table: Readonly<Record<string, unknown>>): Headers | undefined {
  let headers: Record<string, string> | undefined;
  for (const name in table) {
    if (name === clientIdHeader || isReservedHeader(name) || isPropertyName(name)) continue;
    if (name === "" || !isShortText(name)) continue;
    const value = textOfField(table[name]);
    if (value === undefined) continue;
    headers ??= {};
    headers[name] = value;
  }
  return headers;
}

/**
 * Content types that are not passed on as headers: the default for text and the default for bytes, and that of packs.
 */
const plainTypes: ReadonlySet<unknown> = new Set([
  "text/plain",
  "application/octet-stream",
  packedContentType,
]);

/** Adds the properties that tell more than Warren's own. A property with an invalid value is left out. */
function withProperties(
  headers: Record<string, string> | undefined,
  properties: ConsumeMessage["properties"],
  messageId: string | undefined,
): Headers | undefined {
  let all = headers;
  const add = (name: PropertyName, value: unknown) => {
    if (value === undefined || value === null) return;
    const said = isScalar(value) ? text(String(value)) : undefined;
    if (said === undefined || faultInProperty(name, said) !== undefined) return;
    all ??= {};
    all[name] = said;
  };
  const { contentType, appId } = properties as { readonly contentType: unknown; readonly appId: unknown };
  if (!plainTypes.has(contentType)) add("content-type", contentType);
  add("content-encoding", properties.contentEncoding);
  add("correlation-id", properties.correlationId);
  add("reply-to", properties.replyTo);
  add("type", properties.type);
  add("priority", properties.priority);
  add("expiration", properties.expiration);
  // A Warren process puts its own name there if the message has no app id.
  if (typeof appId === "string" && !isNumberedBy(appId, messageId) && !isAnswerOf(appId))
    add("app-id", appId);
  return all;
}

/** Whether the id begins with the app's name and a dash. No text is made for that, since every record is checked. */
function isNumberedBy(appId: string, messageId: string | undefined): boolean {
  return messageId?.[appId.length] === "-" && messageId.startsWith(appId);
}

/** Whether the app is a Warren process that publishes messages with ids of other processes. */
function isAnswerOf(appId: string): boolean {
  return /^(?:processor-[0-9a-f]{12}|manager-[0-9a-f]{12}-replies)$/.test(appId);
}

function isScalar(value: unknown): value is string | number | bigint | boolean {
  const type = typeof value;
  return type === "string" || type === "number" || type === "bigint" || type === "boolean";
}

/** A field as text; undefined for lists, tables, decimals, and bytes that are not text. Some languages write every text as bytes. */
function textOfField(value: unknown): string | undefined {
  if (isScalar(value)) return String(value);
  if (Buffer.isBuffer(value)) return isUtf8(value) ? value.toString("utf8") : undefined;
  const { "!": type, value: inner } = (value ?? {}) as { readonly "!"?: unknown; readonly value?: unknown };
  return type === "timestamp" && isScalar(inner) ? String(inner) : undefined;
}

/** Seconds since 1970. Some programs give milliseconds, and some give anything. */
function timeOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** STOMP cannot represent a NUL, and no honest program sends one. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && !value.includes("\0") ? value : undefined;
}

/**
 * The client that a message is for. A message for one client must not reach all of them because its client id is malformed, so an id that
 * no client can have counts as nobody's. In some languages programs use numbers or bytes in place of text.
 */
function clientIdOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const isText = typeof value === "string" || Buffer.isBuffer(value);
  if (!isText && typeof value !== "bigint" && !Number.isInteger(value)) return nobody;
  const id = String(value);
  return isShortText(id) ? id : nobody;
}
