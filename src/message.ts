/**
 * The message that passes through every room.
 *
 * A string body is text and travels as a text frame; bytes travel as a binary frame. A body is never changed on the way.
 */
export type Body = string | Uint8Array;

/** A message's headers: an application's own, and AMQP's properties under the names of `properties.ts`. */
export type Headers = Readonly<Record<string, string>>;

/** A message for the broker. */
export interface OutgoingMessage {
  /** Unique. Absent: the outbox makes it. */
  readonly id?: string | undefined;
  readonly body: Body;
  /** Dot-separated words, at most 255 bytes; empty is broadcast. */
  readonly topic: string;
  /** On `wsmanager` the sender; on `towsmanager` the only recipient. */
  readonly clientId?: string | undefined;
  readonly headers?: Headers | undefined;
  /** Whether it is only for processors, so that no client gets it. */
  readonly isRequest?: boolean | undefined;
  /** When it was sent, in seconds since 1970. Absent: the outbox sets it. */
  readonly timestamp?: number | undefined;
}

/** A message from the broker. */
export interface Message extends OutgoingMessage {
  /** Unique. It is the same after a redelivery, and when it was published again. */
  readonly id: string;
  /** The manager or other program that published it; absent if another program gave no name. */
  readonly appId: string | undefined;
  /** Seconds since 1970; absent if another program gave no time. */
  readonly timestamp: number | undefined;
}

/** The limit of a "short string" in AMQP 0-9-1, such as a routing key, and so the limit of a topic and a client id. In bytes. */
const nameBytesMax = 255;

/** Whether AMQP can carry it as a routing key or as a header's name. */
export function isShortText(value: unknown): value is string {
  // Most are so short that no bytes need be counted.
  return (
    typeof value === "string" &&
    (value.length <= nameBytesMax / 3 || Buffer.byteLength(value) <= nameBytesMax)
  );
}

/**
 * Whether an application may not set this header. RabbitMQ takes `CC` and `BCC` for routing keys, and closes the channel if they contain a
 * text. Headers with `x-` are for brokers, and headers with `warren-` for Warren. Case matters.
 */
export function isReservedHeader(name: string): boolean {
  return name.startsWith("x-") || name.startsWith("warren-") || name === "CC" || name === "BCC";
}

/** Whether it may be a topic or a client id: no control characters, at most 255 bytes. */
export function isName(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return isShortText(value) && !/[\u0000-\u001f\u007f]/.test(value);
}

/** The rule for client ids, in words for clients that break it. */
export const clientIdRule = "a client id has 1 to 255 bytes and no control characters, and is not . or ..";

/** Whether it may be a client id. Programs that build URLs cannot name `.` and `..`, so such a client could not be disconnected. */
export function isClientId(value: string): boolean {
  return value !== "" && value !== "." && value !== ".." && isName(value);
}

/** The size in bytes of a body on the wire. */
export function bodyBytes(body: Body): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

/** Whether a body has more than `bytesMax` bytes. A UTF-16 unit takes up to three, so only long texts are counted. */
export function isLongerThan(body: Body, bytesMax: number): boolean {
  return body.length > bytesMax / 3 && bodyBytes(body) > bytesMax;
}
