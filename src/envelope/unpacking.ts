import { isUtf8 } from "node:buffer";
import { type Body, type Headers, isReservedHeader, isShortText, type OutgoingMessage } from "../message.ts";
import { faultInProperty, isPropertyName } from "../properties.ts";
import { processorsAudience } from "../requests.ts";
import type { Particulars } from "./packing.ts";

/**
 * The most messages in one pack. Warren itself packs some hundreds. A body of 16 MiB could contain a million empty ones, and would hold up
 * the role that unpacks it for seconds.
 */
const packedMessagesMax = 10_000;
/** The longest of the two JSON lines: a line of 16 MiB would take a quarter of a second to parse. In bytes. */
const lineBytesMax = 2 * 1024 ** 2;

/** Thrown if the body does not have the packed form. */
export class MalformedPack extends Error {
  override readonly name = "MalformedPack";
}

/** A pack's description of one of its messages, with the position of its body. */
export interface PackedHead {
  /** The message's topic. */
  readonly topic: string;
  /** The sender, or the only recipient. */
  readonly clientId: string | undefined;
  readonly headers: Headers | undefined;
  /** Its own id; undefined if it is made of the pack's. */
  readonly id: string | undefined;
  /** Whether it is a request. */
  readonly isRequest: boolean;
  /** Where its body begins in the pack, in bytes. */
  readonly start: number;
  /** Where its body ends, in bytes. */
  readonly end: number;
  /** Whether the body is bytes, and not text. */
  readonly isBytes: boolean;
}

/**
 * The topics of a pack's messages, without reading anything else.
 *
 * @returns undefined if its first line does not list them, so that all of it has to be read
 */
export function topicsIn(packed: Buffer): readonly string[] | undefined {
  const lineEnd = packed.indexOf(newline);
  if (lineEnd < 0 || lineEnd > lineBytesMax) return undefined;
  try {
    const line: unknown = JSON.parse(packed.toString("utf8", 0, lineEnd));
    return isTopicLine(line) && line.length <= packedMessagesMax ? line : undefined;
  } catch {
    return undefined;
  }
}

const quote = 0x22;

/** The position at which the lines before the bodies end; -1 if they do not end. */
export function tableEnd(packed: Buffer): number {
  const lineEnd = packed.indexOf(newline);
  // A line of topics begins with a quote after the bracket, a line of entries with another bracket.
  return lineEnd >= 0 && packed[1] === quote ? packed.indexOf(newline, lineEnd + 1) : lineEnd;
}

/**
 * A pack's descriptions of its messages, without their bodies.
 *
 * @throws MalformedPack
 */
export function headsIn(packed: Buffer): PackedHead[] {
  let lineEnd = endOfLine(packed, 0);
  let entries = parsed(packed.toString("utf8", 0, lineEnd));
  let topics: readonly string[] | undefined;
  if (isTopicLine(entries)) {
    topics = entries;
    const start = lineEnd + 1;
    lineEnd = endOfLine(packed, start);
    entries = parsed(packed.toString("utf8", start, lineEnd));
  }
  if (entries.length > packedMessagesMax)
    throw new MalformedPack(`a packed message holds more than ${packedMessagesMax} messages`);
  let at = lineEnd + 1;
  const heads: PackedHead[] = [];
  for (let index = 0; index < entries.length; index++) {
    const { topic, clientId, bytes, particulars, id } = checked(entries[index], index, topics);
    const start = at;
    at += bytes;
    if (at > packed.length)
      throw new MalformedPack(`the body of message ${index} of a packed message is cut off`);
    heads.push({
      topic,
      clientId: clientId || undefined,
      headers: ownHeaders(particulars?.headers),
      id,
      isRequest: particulars?.audience !== undefined,
      start,
      end: at,
      isBytes: particulars?.bytes === true,
    });
  }
  if (at < packed.length)
    throw new MalformedPack("a packed message has bytes that belong to none of its messages");
  return heads;
}

/** The body of a message in a pack. */
export function bodyIn(packed: Buffer, { start, end, isBytes }: PackedHead): Body {
  return isBytes ? packed.subarray(start, end) : textOrBytes(packed, start, end);
}

/** @throws MalformedPack */
export function unpack(packed: Buffer): OutgoingMessage[] {
  return headsIn(packed).map((head) => {
    const { topic, clientId, headers, id, isRequest } = head;
    const message = { topic, clientId, body: bodyIn(packed, head), headers };
    if (id === undefined && !isRequest) return message;
    return { ...message, ...(id === undefined ? {} : { id }), ...(isRequest ? { isRequest } : {}) };
  });
}

const newline = 0x0a;

function endOfLine(packed: Buffer, start: number): number {
  const end = packed.indexOf(newline, start);
  if (end < 0) throw new MalformedPack("a packed message has no line that says what is in it");
  if (end - start > lineBytesMax)
    throw new MalformedPack(`what a packed message says of its messages has more than ${lineBytesMax} bytes`);
  return end;
}

/** Whether this is a line of topics. It is never empty, and a pack without messages has none. */
function isTopicLine(line: unknown): line is readonly string[] {
  return Array.isArray(line) && line.length > 0 && line.every((topic) => typeof topic === "string");
}

function parsed(line: string): readonly unknown[] {
  let entries: unknown;
  try {
    entries = JSON.parse(line);
  } catch (cause) {
    throw new MalformedPack("a line of a packed message is not JSON", { cause });
  }
  if (!Array.isArray(entries)) throw new MalformedPack("a line of a packed message is not an array");
  return entries;
}

/** @param topics undefined if each entry contains its topic itself */
function checked(entry: unknown, index: number, topics: readonly string[] | undefined) {
  const [place, clientId, bytes, particulars, id] = Array.isArray(entry) ? (entry as unknown[]) : [];
  const topic = topics === undefined ? place : typeof place === "number" ? topics[place] : undefined;
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

/** The headers and properties that an application may set. RabbitMQ checks those of an envelope, but does not look into a pack. */
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

/** A body that is declared as text but is not UTF-8 is bytes. Only if the replacement character occurs need this be checked. */
function textOrBytes(buffer: Buffer, start: number, end: number): Body {
  const text = buffer.toString("utf8", start, end);
  return text.includes("\ufffd") && !isUtf8(buffer.subarray(start, end)) ? buffer.subarray(start, end) : text;
}
