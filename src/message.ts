/**
 * The message that passes through every room.
 *
 * A string body is text and travels as a text frame; bytes travel as a binary frame. Neither is ever changed
 * on the way: it is exactly what the client sent, or shall receive.
 */
export type Body = string | Uint8Array;

/** A STOMP client's own headers. */
export type Headers = Readonly<Record<string, string>>;

/** What a program hands to the broker. */
export interface OutgoingMessage {
  readonly body: Body;
  /** Dot-separated words, at most 255 bytes; empty is broadcast. */
  readonly topic: string;
  /** On `wsmanager`: who sent it. On `towsmanager`: deliver to that client only. */
  readonly clientId?: string | undefined;
  readonly headers?: Headers | undefined;
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

/** A routing key's limit in AMQP 0-9-1 (a "short string"), so a topic's and a client id's too. */
export const nameBytesMax = 255;

/** Whether it may be a topic or a client id: no control characters, at most 255 bytes. */
export function isName(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return !/[\u0000-\u001f\u007f]/.test(value) && Buffer.byteLength(value) <= nameBytesMax;
}

/** The size in bytes of a body on the wire. */
export function bodyBytes(body: Body): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}
