import type { ConsumeMessage } from "amqplib";
import type { Headers } from "../../message.ts";
import type { Envelope } from "../broker.ts";

/** On `wsmanager` who sent it, on `towsmanager` who alone shall receive it. */
export const clientIdHeader = "client-id";

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
    clientId: text(table[clientIdHeader]),
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
export function deliveryCountOf({ properties }: ConsumeMessage): number {
  const count: unknown = properties.headers?.["x-delivery-count"];
  return typeof count === "number" ? count : 0;
}

/** Texts, numbers and booleans that an application set; what brokers add begins with x-. */
function applicationHeaders(table: Readonly<Record<string, unknown>>): Headers | undefined {
  let headers: Record<string, string> | undefined;
  for (const name in table) {
    if (name === clientIdHeader || name.startsWith("x-")) continue;
    const value = table[name];
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") continue;
    headers ??= {};
    headers[name] = String(value);
  }
  return headers;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
