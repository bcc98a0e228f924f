import { isUtf8 } from "node:buffer";
import type { ConsumeMessage } from "amqplib";
import { copyHeader, type Envelope, packHeader } from "../../../envelope/envelope.ts";
import { packedContentType } from "../../../envelope/packing.ts";
import { type Headers, isReservedHeader, isShortText } from "../../../message.ts";
import { faultInProperty, isPropertyName, type PropertyName } from "../../../properties.ts";
import { audienceHeader, processorsAudience } from "../../../requests.ts";

/** On `wsmanager` who sent it, on `towsmanager` who alone shall receive it. */
export const clientIdHeader = "client-id";

/** A client id that no client has, since none has control characters. */
const nobody = "\u0000";

/** What RabbitMQ delivered, from any publisher: parts of the wrong type are taken as absent. */
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

/** How often a quorum queue has delivered it before, in vain; other queues do not count. */
export function deliveryCountOf({ properties }: Pick<ConsumeMessage, "properties">): number {
  const count: unknown = properties.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : 0;
}

/**
 * Texts, numbers, booleans and times that an application set. A name that AMQP could not carry again, since it is empty or grows beyond
 * 255 bytes as text, is left out like a reserved one: it would spoil every message that it is passed on with.
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
 * Content types that are no header of a message: those that say no more than whether a body is text, one of which every body has that has
 * no other, and that of packs.
 */
const plainTypes: ReadonlySet<unknown> = new Set([
  "text/plain",
  "application/octet-stream",
  packedContentType,
]);

/** Adds the properties that say more than Warren says by itself. One whose value is none for it is left out. */
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
  // A Warren process names itself there where its message has no app id of its own.
  if (typeof appId === "string" && !isNumberedBy(appId, messageId) && !isAnswerOf(appId))
    add("app-id", appId);
  return all;
}

/** Whether the id begins with the app's and a dash. Every record is asked: no text is made for it. */
function isNumberedBy(appId: string, messageId: string | undefined): boolean {
  return messageId?.[appId.length] === "-" && messageId.startsWith(appId);
}

/** Whether this is one of Warren's processes that publish messages whose ids are not their own. */
function isAnswerOf(appId: string): boolean {
  return /^(?:processor-[0-9a-f]{12}|manager-[0-9a-f]{12}-replies)$/.test(appId);
}

function isScalar(value: unknown): value is string | number | bigint | boolean {
  const type = typeof value;
  return type === "string" || type === "number" || type === "bigint" || type === "boolean";
}

/** Undefined for lists, tables, decimals and bytes that are no text. Some languages write every text as bytes. */
function textOfField(value: unknown): string | undefined {
  if (isScalar(value)) return String(value);
  if (Buffer.isBuffer(value)) return isUtf8(value) ? value.toString("utf8") : undefined;
  const { "!": type, value: inner } = (value ?? {}) as { readonly "!"?: unknown; readonly value?: unknown };
  return type === "timestamp" && isScalar(inner) ? String(inner) : undefined;
}

/** Seconds since 1970, which some programs give in milliseconds, and some as anything. */
function timeOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

/** STOMP cannot carry a NUL, and no honest program sends one. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && !value.includes("\0") ? value : undefined;
}

/**
 * What is addressed to one client must not reach all of them because the address is odd: one that can be nobody's is taken as
 * that. Programs in some languages have numbers or bytes where they mean a text.
 */
function clientIdOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const isText = typeof value === "string" || Buffer.isBuffer(value);
  if (!isText && typeof value !== "bigint" && !Number.isInteger(value)) return nobody;
  const id = String(value);
  return isShortText(id) ? id : nobody;
}
