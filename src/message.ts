/**
 * The message that passes through every room.
 *
 * A string body is text and travels as a text frame; bytes travel as a binary frame. Neither is ever changed
 * on the way: it is exactly what the client sent, or shall receive.
 */
export type Body = string | Uint8Array;

/** A message's headers: an application's own, and AMQP's properties under the names of `properties.ts`. */
export type Headers = Readonly<Record<string, string>>;

/** What a program hands to the broker. */
export interface OutgoingMessage {
  /** Unique. Absent if it is left to the outbox. */
  readonly id?: string | undefined;
  readonly body: Body;
  /** Dot-separated words, at most 255 bytes; empty is broadcast. */
  readonly topic: string;
  /** On `wsmanager`: who sent it. On `towsmanager`: deliver to that client only. */
  readonly clientId?: string | undefined;
  readonly headers?: Headers | undefined;
  /** It is for processors alone: no client gets it. */
  readonly isRequest?: boolean | undefined;
  /** Seconds since 1970: when it was sent. Absent if it is left to the outbox. */
  readonly timestamp?: number | undefined;
}

/** What comes from the broker. */
export interface Message extends OutgoingMessage {
  /** Unique. The same after a redelivery, and after a publish that had to be repeated. */
  readonly id: string;
  /** The manager (or other program) that published it; absent where a foreign program named none. */
  readonly appId: string | undefined;
  /** Seconds since 1970; absent where a foreign program named none. */
  readonly timestamp: number | undefined;
}

/** The limit of a "short string" in AMQP 0-9-1, which a routing key is, so a topic's and a client id's too. In bytes. */
const nameBytesMax = 255;

/** Whether AMQP can carry it as a routing key or as a header's name. */
export function isShortText(value: unknown): value is string {
  // Most are so short that nothing needs to be counted.
  return (
    typeof value === "string" &&
    (value.length <= nameBytesMax / 3 || Buffer.byteLength(value) <= nameBytesMax)
  );
}

/**
 * Whether a header's name is not an application's to set: `CC` and `BCC` are routing keys to RabbitMQ, which closes the channel of
 * callers that have a text there; `x-` begins what brokers say, and `warren-` what Warren does. Case matters.
 */
export function isReservedHeader(name: string): boolean {
  return name.startsWith("x-") || name.startsWith("warren-") || name === "CC" || name === "BCC";
}

/** Whether it may be a topic or a client id: no control characters, at most 255 bytes. */
export function isName(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return isShortText(value) && !/[\u0000-\u001f\u007f]/.test(value);
}

/** What a client id is, in words for those that give another one. */
export const clientIdRule = "a client id has 1 to 255 bytes and no control characters, and is not . or ..";

/** Whether it may be a client id. What programs make addresses of could not name `.` and `..`: such a client could not be put out. */
export function isClientId(value: string): boolean {
  return value !== "" && value !== "." && value !== ".." && isName(value);
}

/** The size in bytes of a body on the wire. */
export function bodyBytes(body: Body): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

/** Whether a body has more than `bytesMax` bytes. A character takes up to three, so only what may be too long is counted. */
export function isLongerThan(body: Body, bytesMax: number): boolean {
  return body.length > bytesMax / 3 && bodyBytes(body) > bytesMax;
}
