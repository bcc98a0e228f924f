import type { FaultReason } from "./fault.ts";
import { isUnescaped, unescapeHeader, type Version } from "./frames.ts";
import { hashBegin, hashPrime, Texts, utf8 } from "./texts.ts";

const lf = 10;
const cr = 13;
const colon = 58;
const backslash = 92;

/** The command and the headers of a frame. */
export interface Head {
  /** Such as SEND. */
  readonly command: string;
  /** Unescaped; of a name that comes twice, the first. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body's length in bytes, if the frame says it. */
  readonly length: number | undefined;
}

/** What is wrong with a head. */
export interface Malformed {
  /** What is wrong, in a sentence. */
  readonly message: string;
  readonly reason: FaultReason;
}

/** All parsers share it, as all clients say the same names. */
const texts = new Texts();

/**
 * Cuts a head up. Each name and value is decoded from its own bytes, so that to keep one keeps nothing else.
 *
 * @param bytes whole lines, each with its line end, of well-formed UTF-8
 * @param isAscii whether they are ASCII alone
 */
export function parseHead(
  bytes: Buffer,
  isAscii: boolean,
  version: Version,
  maxHeaders: number,
): Head | Malformed {
  const end = bytes.byteLength;
  const isLf12 = version === "1.2";
  const headers = new Map<string, string>();
  let command: string | undefined;
  let isPlain = false;
  let count = 0;
  let at = 0;
  while (at < end) {
    const lineStart = at;
    let nameEnd = -1;
    let nameHash = 0;
    let hash = hashBegin;
    let hasEscape = false;
    let hasCr = false;
    for (; ; at++) {
      const byte = bytes[at]!;
      if (byte === lf) break;
      if (byte === colon && nameEnd < 0 && command !== undefined) {
        nameEnd = at;
        nameHash = hash;
        hash = hashBegin;
        continue;
      }
      if (byte === backslash) hasEscape = true;
      else if (byte === cr) {
        // A line may end with CR LF in 1.2; in 1.1 the CR is a part of the value.
        if (isLf12 && bytes[at + 1] === lf) continue;
        hasCr = true;
      }
      hash = Math.imul(hash ^ byte, hashPrime);
    }
    const lineEnd = isLf12 && at > lineStart && bytes[at - 1] === cr ? at - 1 : at;
    at++;
    if (command === undefined) {
      command = isAscii ? texts.ascii(bytes, lineStart, lineEnd, hash) : utf8(bytes, lineStart, lineEnd);
      isPlain = isUnescaped(command);
      continue;
    }
    if (++count > maxHeaders)
      return { message: `a frame has more than ${maxHeaders} headers`, reason: "headerCount" };
    if (nameEnd <= lineStart)
      return {
        message: `a header line is "name:value", not ${quoted(bytes, lineStart, lineEnd)}`,
        reason: "frame",
      };
    let name = isAscii ? texts.ascii(bytes, lineStart, nameEnd, nameHash) : utf8(bytes, lineStart, nameEnd);
    let value = isAscii ? texts.ascii(bytes, nameEnd + 1, lineEnd, hash) : utf8(bytes, nameEnd + 1, lineEnd);
    if ((hasEscape && !isPlain) || (hasCr && isLf12)) {
      const unescaped = hasCr && isLf12 ? undefined : unescapeHeader(value, version);
      const unescapedName = unescapeHeader(name, version);
      if (unescaped === undefined || unescapedName === undefined) {
        const line = quoted(bytes, lineStart, lineEnd);
        return { message: `an escape that STOMP ${version} does not know in ${line}`, reason: "frame" };
      }
      name = unescapedName;
      value = unescaped;
    }
    if (!headers.has(name)) headers.set(name, value);
  }
  const said = headers.get("content-length");
  if (said === undefined) return { command: command ?? "", headers, length: undefined };
  const length = lengthIn(said);
  if (length < 0)
    return {
      message: `content-length is a number of bytes, not ${JSON.stringify(shortened(said))}`,
      reason: "frame",
    };
  return { command: command ?? "", headers, length };
}

/** −1 if it is none. */
function lengthIn(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let length = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = 10 * length + digit;
  }
  return length;
}

function quoted(bytes: Buffer, start: number, end: number): string {
  return JSON.stringify(shortened(utf8(bytes, start, end)));
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
