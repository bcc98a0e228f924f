import { isUtf8 } from "node:buffer";
import type { GetMessage } from "amqplib";
import { clientIdHeader } from "../broker/rabbitmq/frames/codec.ts";
import { exchanges } from "../broker/rabbitmq/topology/exchanges.ts";
import { groupNameFault } from "../group-name.ts";

/** The headers that a processor adds to what it could not handle (docs/protocol.md). */
const ours = {
  reason: "dead-reason",
  attempts: "dead-attempts",
  group: "dead-group",
  messageId: "dead-message-id",
  routingKey: "dead-routing-key",
  timestamp: "dead-timestamp",
} as const;

/** A message in `wsmanager.dead`. */
export interface DeadLetter {
  /** The id of the message that failed; undefined if its publisher gave it none. */
  readonly id: string | undefined;
  /** The group that failed to handle it; undefined if nothing tells. */
  readonly group: string | undefined;
  /** Why it was not handled. */
  readonly reason: string;
  /** How often the handler was tried. RabbitMQ does not tell it of what it dead-lettered by itself. */
  readonly attempts: number | undefined;
  /** When it died, in milliseconds since 1970; undefined if nothing tells. */
  readonly atMs: number | undefined;
  /** When its publisher sent it, in seconds since 1970; undefined if nothing tells. */
  readonly sentAt: number | undefined;
  /** The topic that it was sent to. */
  readonly topic: string;
  /** Its sender; undefined where it names none. */
  readonly client: string | undefined;
  /** What its sender said that it is; undefined where it said nothing. */
  readonly contentType: string | undefined;
  /** What its publisher set. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body, as it was sent. */
  readonly body: Buffer;
}

/** What RabbitMQ adds to a message that it dead-letters by itself, as after 20 deliveries. */
interface Death {
  readonly queue?: unknown;
  readonly reason?: unknown;
  readonly time?: { readonly value?: unknown };
}

/** Understands what was got from `wsmanager.dead`, also what other programs put there. */
export function letterOf({ content, fields, properties }: GetMessage): DeadLetter {
  const table: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const death = (Array.isArray(table["x-death"]) ? table["x-death"][0] : undefined) as Death | undefined;
  const bySeconds = death === undefined ? (properties.timestamp as unknown) : death.time?.value;
  // What RabbitMQ dead-lettered has been through no processor: such headers are then a client's, which must not say whose it is.
  const said = (name: keyof typeof ours) => (death === undefined ? text(table[ours[name]]) : undefined);
  return {
    id: idOf(said("messageId")) ?? text(properties.messageId),
    group: nameOf(said("group") ?? groupOf(death)),
    reason: said("reason") ?? (death === undefined ? "unknown" : `RabbitMQ: ${String(death.reason)}`),
    // x-delivery-count would be no answer: that counts how often the dead letter was looked at.
    attempts: countIn(said("attempts")),
    atMs: dateMsOf(bySeconds),
    sentAt: secondsIn(death === undefined ? said("timestamp") : text(properties.timestamp)),
    topic: fields.routingKey,
    client: text(table[clientIdHeader]),
    contentType: text(properties.contentType),
    headers: Object.fromEntries(Object.entries(table).filter(([name]) => isPublishers(name))),
    body: content,
  };
}

/** Processors call all those alike that had no id when they came; such a dead letter goes by its own. */
function idOf(said: unknown): string | undefined {
  return said === "unnamed" ? undefined : text(said);
}

/** Whether the publisher of a message set a header of this name, and not a processor or RabbitMQ. */
export function isPublishers(name: string): boolean {
  return !name.startsWith("x-") && !Object.values<string>(ours).includes(name);
}

/** How the body is shown: as text if it is any, else in base64. */
export function bodyOf({
  body,
}: Pick<DeadLetter, "body">): { readonly text: string } | { readonly base64: string } {
  return isUtf8(body) ? { text: body.toString("utf8") } : { base64: body.toString("base64") };
}

function groupOf(death: Death | undefined): string | undefined {
  const prefix = `${exchanges.fromClients}.`;
  const queue = text(death?.queue);
  return queue?.startsWith(prefix) ? queue.slice(prefix.length) : undefined;
}

/** What can be no group's name, such as that of the log, is none: nothing may be put back there. */
function nameOf(group: string | undefined): string | undefined {
  return group === undefined || groupNameFault(group) !== undefined ? undefined : group;
}

function countIn(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d{1,9}$/.test(digits) ? Number(digits) : undefined;
}

function secondsIn(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d{1,12}$/.test(digits) ? Number(digits) : undefined;
}

/** A time in milliseconds since 1970; undefined for what is no date, since a program may have given anything. */
function dateMsOf(seconds: unknown): number | undefined {
  const ms = typeof seconds === "number" ? seconds * 1000 : Number.NaN;
  return Number.isNaN(new Date(ms).getTime()) ? undefined : ms;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}
