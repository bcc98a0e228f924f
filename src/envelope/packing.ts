import { isUtf8 } from "node:buffer";
import { type Body, type Headers, isReservedHeader, isShortText, type OutgoingMessage } from "../message.ts";
import { faultInProperty, isPropertyName } from "../properties.ts";
import { processorsAudience } from "../requests.ts";

/**
 * The packed form: many messages in one AMQP message, in which Warren's roles speak to one another. The body is a line of JSON,
 * which says for each message what it is and how long its body is, and behind the line all bodies in one run:
 *
 *     [[topic, client id or null, body bytes, {"bytes": true, "headers": {…}, "audience": "processors"}?, id?], …]\n
 *     body body body …
 *
 * A body is text unless `bytes` is true. A message without an id of its own has the pack's, numbered on by its place.
 * `bun test/bench/encodings.ts` compares layouts: this one is about as fast as a binary one with lengths before each part, and any
 * language reads it in a few lines (docs/protocol.md has the Python).
 */
export const packedContentType = "application/vnd.warren.packed";

/**
 * Messages in one pack. Warren itself packs some hundreds; a body of 16 MiB could name a million empty ones, and hold up
 * whoever unpacks it for seconds.
 */
export const packedMessagesMax = 10_000;

/** The body does not follow the format above. */
export class MalformedPack extends Error {
  override readonly name = "MalformedPack";
}

interface Particulars {
  bytes?: true;
  headers?: Headers;
  audience?: typeof processorsAudience;
}
type Entry = [
  topic: string,
  clientId: string | null,
  bytes: number,
  particulars?: Particulars | null,
  id?: string,
];

export function pack(messages: readonly OutgoingMessage[]): Buffer {
  return packWithBodies(messages).packed;
}

/** The packed form, and where in it the body of each message is. */
export function packWithBodies(messages: readonly OutgoingMessage[]): {
  readonly packed: Buffer;
  readonly bodies: readonly Buffer[];
} {
  const entries = messages.map(toEntry);
  const line = Buffer.from(`${JSON.stringify(entries)}\n`);
  const size = entries.reduce((sum, entry) => sum + entry[2], line.byteLength);
  const packed = Buffer.allocUnsafe(size);
  let at = line.copy(packed);
  const bodies = messages.map(({ body }) => {
    const start = at;
    if (typeof body === "string") at += packed.write(body, at);
    else {
      packed.set(body, at);
      at += body.byteLength;
    }
    return packed.subarray(start, at);
  });
  return { packed, bodies };
}

function toEntry({ topic, clientId: sender, body, headers, id, isRequest }: OutgoingMessage): Entry {
  const clientId = sender ?? null;
  const isText = typeof body === "string";
  const bytes = isText ? Buffer.byteLength(body) : body.byteLength;
  if (isText && headers === undefined && !isRequest)
    return id === undefined ? [topic, clientId, bytes] : [topic, clientId, bytes, null, id];
  const particulars = {
    ...(isText ? {} : { bytes: true as const }),
    ...(headers === undefined ? {} : { headers }),
    ...(isRequest ? ({ audience: processorsAudience } as const) : {}),
  };
  return id === undefined ? [topic, clientId, bytes, particulars] : [topic, clientId, bytes, particulars, id];
}

/** @throws MalformedPack */
export function unpack(packed: Buffer): OutgoingMessage[] {
  const lineEnd = packed.indexOf("\n");
  if (lineEnd < 0) throw new MalformedPack("a packed message has no line that says what is in it");
  const entries = parsed(packed.toString("utf8", 0, lineEnd));
  if (entries.length > packedMessagesMax)
    throw new MalformedPack(`a packed message holds more than ${packedMessagesMax} messages`);
  let at = lineEnd + 1;
  const messages = entries.map((entry, index) => {
    const { topic, clientId, bytes, particulars, id } = checked(entry, index);
    const start = at;
    at += bytes;
    if (at > packed.length)
      throw new MalformedPack(`the body of message ${index} of a packed message is cut off`);
    const body = particulars?.bytes ? packed.subarray(start, at) : textOrBytes(packed, start, at);
    const headers = ownHeaders(particulars?.headers);
    const message = { topic, clientId: clientId || undefined, body, headers };
    if (id === undefined && particulars?.audience === undefined) return message;
    return {
      ...message,
      ...(id === undefined ? {} : { id }),
      ...(particulars?.audience === undefined ? {} : { isRequest: true }),
    };
  });
  if (at < packed.length)
    throw new MalformedPack("a packed message has bytes that belong to none of its messages");
  return messages;
}

function parsed(line: string): readonly unknown[] {
  let entries: unknown;
  try {
    entries = JSON.parse(line);
  } catch (cause) {
    throw new MalformedPack("the first line of a packed message is not JSON", { cause });
  }
  if (!Array.isArray(entries)) throw new MalformedPack("the first line of a packed message is not an array");
  return entries;
}

function checked(entry: unknown, index: number) {
  const [topic, clientId, bytes, particulars, id] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const isWhole =
    isShortText(topic) &&
    (clientId === null || isShortText(clientId)) &&
    typeof bytes === "number" &&
    Number.isSafeInteger(bytes) &&
    bytes >= 0 &&
    (particulars === undefined ||
      (particulars === null && id !== undefined) ||
      areParticulars(particulars)) &&
    (id === undefined || (isShortText(id) && id !== ""));
  if (!isWhole)
    throw new MalformedPack(`message ${index} of a packed message is not described as it should be`);
  return { topic, clientId, bytes, particulars, id };
}

function areParticulars(value: unknown): value is Particulars {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { bytes = false, headers = {}, audience } = value as Record<string, unknown>;
  if (audience !== undefined && audience !== processorsAudience) return false;
  const areHeaders = typeof headers === "object" && headers !== null && !Array.isArray(headers);
  return typeof bytes === "boolean" && areHeaders && Object.entries(headers).every(isHeader);
}

function isHeader([name, value]: [string, unknown]): boolean {
  return isShortText(name) && typeof value === "string";
}

/** Those that an application may set, and properties that are such: RabbitMQ looks at those of an envelope, not into a pack. */
function ownHeaders(headers: Headers | undefined): Headers | undefined {
  if (headers === undefined) return undefined;
  const names = Object.keys(headers);
  const own = names.filter((name) => name !== "" && !isReservedHeader(name) && isFit(name, headers[name]!));
  if (own.length === names.length) return headers;
  return own.length === 0 ? undefined : Object.fromEntries(own.map((name) => [name, headers[name]!]));
}

function isFit(name: string, value: string): boolean {
  return !isPropertyName(name) || faultInProperty(name, value) === undefined;
}

/** What says that it is text but is not UTF-8 is bytes. Only the replacement character makes it worth a look. */
function textOrBytes(buffer: Buffer, start: number, end: number): Body {
  const text = buffer.toString("utf8", start, end);
  return text.includes("\ufffd") && !isUtf8(buffer.subarray(start, end)) ? buffer.subarray(start, end) : text;
}
