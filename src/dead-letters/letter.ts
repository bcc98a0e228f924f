import { isUtf8 } from "node:buffer";
import type { GetMessage } from "amqplib";
import { clientIdHeader } from "../broker/rabbitmq/frames/codec.ts";
import { exchanges } from "../broker/rabbitmq/topology/exchanges.ts";
import { groupNameFault } from "../group-name.ts";

/** The headers that a processor adds to a message that it could not handle (docs/protocol.md). */
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
  /** The group that failed to handle it; undefined if it is unknown. */
  readonly group: string | undefined;
  /** Why it was not handled. */
  readonly reason: string;
  /** How often the handler was called; undefined if RabbitMQ itself has dead-lettered it. */
  readonly attempts: number | undefined;
  /** When it became a dead letter, in milliseconds since 1970; undefined if that is unknown. */
  readonly atMs: number | undefined;
  /** When its publisher sent it, in seconds since 1970; undefined if that is unknown. */
  readonly sentAt: number | undefined;
  /** The topic that it was sent to. */
  readonly topic: string;
  /** Its sender's client id; undefined if it has none. */
  readonly client: string | undefined;
  /** The content type that its sender gave; undefined if there is none. */
  readonly contentType: string | undefined;
  /** The headers that its publisher set. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The body, as it was sent. */
  readonly body: Buffer;
}

/** What RabbitMQ adds to a message that it dead-letters itself, for instance after 20 deliveries. */
interface Death {
  readonly queue?: unknown;
  readonly reason?: unknown;
  readonly time?: { readonly value?: unknown };
}

/** Parses a message from `wsmanager.dead`, even if another program put it there. */
export function letterOf({ content, fields, properties }: GetMessage): DeadLetter {
  const table: Readonly<Record<string, unknown>> = properties.headers ?? {};
  const death = (Array.isArray(table["x-death"]) ? table["x-death"][0] : undefined) as Death | undefined;
  const bySeconds = death === undefined ? (properties.timestamp as unknown) : death.time?.value;
  // A message that RabbitMQ itself dead-lettered has passed no processor. Such headers are then a client's, and must not decide whose it
  // is.
  const said = (name: keyof typeof ours) => (death === undefined ? text(table[ours[name]]) : undefined);
  return {
    id: idOf(said("messageId")) ?? text(properties.messageId),
    group: nameOf(said("group") ?? groupOf(death)),
    reason: said("reason") ?? (death === undefined ? "unknown" : `RabbitMQ: ${String(death.reason)}`),
    // x-delivery-count would be wrong: it counts how often the dead letter was looked at.
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

/** Processors give all messages without an id the same one. Such a dead letter goes by its own id. */
function idOf(said: unknown): string | undefined {
  return said === "unnamed" ? undefined : text(said);
}

/** Whether the message's publisher sets such a header, and not a processor or RabbitMQ. */
export function isPublishers(name: string): boolean {
  return !name.startsWith("x-") && !Object.values<string>(ours).includes(name);
}

/** The body as it is shown: as text if possible, otherwise in base64. */
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

/** A name that no group can have, such as the log's, is ignored: nothing may be put back there. */
function nameOf(group: string | undefined): string | undefined {
  return group === undefined || groupNameFault(group) !== undefined ? undefined : group;
}

function countIn(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d{1,9}$/.test(digits) ? Number(digits) : undefined;
}

function secondsIn(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d{1,12}$/.test(digits) ? Number(digits) : undefined;
}

/** A time in milliseconds since 1970; undefined if it is no date, since a program may have set anything. */
function dateMsOf(seconds: unknown): number | undefined {
  const ms = typeof seconds === "number" ? seconds * 1000 : Number.NaN;
  return Number.isNaN(new Date(ms).getTime()) ? undefined : ms;
}

function text(value: unknown): string | undefined {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}
