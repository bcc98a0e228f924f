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
  /** Unescaped. If a name is repeated, the first value counts. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body's length in bytes, if the frame has it. */
  readonly length: number | undefined;
}

/** What is wrong with a head. */
export interface Malformed {
  /** What is wrong, in a sentence. */
  readonly message: string;
  readonly reason: FaultReason;
}

/** Shared by all parsers, since all clients use the same names. */
const texts = new Texts();

/** A line of a head, with the positions of its parts. */
class Line {
  start = 0;
  /** The position of the colon after the name; −1 if there is none. */
  nameEnd = -1;
  /** The position of its end, without the line end. */
  end = 0;
  /** The position of the next line. */
  next = 0;
  hasEscape = false;
  /** Whether it contains a CR that is not part of its line end. */
  hasCr = false;
  #nameHash = hashBegin;
  /** The hash of what comes after the name, or of the whole line if there is no name. */
  #hash = hashBegin;

  /**
   * Finds the parts of the line at `start`, in one pass over its bytes.
   *
   * @param hasName whether it is a header, and not the command
   * @param maySkipCr whether a line may end with CR LF; in 1.1 the CR is part of the value
   */
  read(bytes: Buffer, start: number, hasName: boolean, maySkipCr: boolean): void {
    let nameEnd = -1;
    let nameHash = hashBegin;
    let hash = hashBegin;
    let hasEscape = false;
    let hasCr = false;
    let at = start;
    for (; ; at++) {
      const byte = bytes[at]!;
      if (byte === lf) break;
      if (byte === colon && nameEnd < 0 && hasName) {
        nameEnd = at;
        nameHash = hash;
        hash = hashBegin;
        continue;
      }
      if (byte === backslash) hasEscape = true;
      else if (byte === cr) {
        if (maySkipCr && bytes[at + 1] === lf) continue;
        hasCr = true;
      }
      hash = Math.imul(hash ^ byte, hashPrime);
    }
    this.start = start;
    this.nameEnd = nameEnd;
    this.end = maySkipCr && at > start && bytes[at - 1] === cr ? at - 1 : at;
    this.next = at + 1;
    this.hasEscape = hasEscape;
    this.hasCr = hasCr;
    this.#nameHash = nameHash;
    this.#hash = hash;
  }

  name(bytes: Buffer, isAscii: boolean): string {
    return isAscii
      ? texts.ascii(bytes, this.start, this.nameEnd, this.#nameHash)
      : utf8(bytes, this.start, this.nameEnd);
  }

  /** The text after the name, or the whole line if there is no name. */
  value(bytes: Buffer, isAscii: boolean): string {
    const start = this.nameEnd < 0 ? this.start : this.nameEnd + 1;
    return isAscii ? texts.ascii(bytes, start, this.end, this.#hash) : utf8(bytes, start, this.end);
  }

  /** The line as it is shown to people. */
  quoted(bytes: Buffer): string {
    return JSON.stringify(shortened(utf8(bytes, this.start, this.end)));
  }
}

/** The current line. One object is enough, since heads are parsed one after another. */
const line = new Line();

/**
 * Parses a head. Each name and value is decoded from its own bytes, so keeping one keeps nothing else in memory.
 *
 * @param bytes complete lines of valid UTF-8, with their line ends
 * @param isAscii whether they are ASCII only
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
  if (end === 0) return { command: "", headers, length: undefined };
  line.read(bytes, 0, false, isLf12);
  const command = line.value(bytes, isAscii);
  const isPlain = isUnescaped(command);
  for (let count = 1; line.next < end; count++) {
    line.read(bytes, line.next, true, isLf12);
    if (count > maxHeaders)
      return { message: `a frame has more than ${maxHeaders} headers`, reason: "headerCount" };
    if (line.nameEnd <= line.start)
      return { message: `a header line is "name:value", not ${line.quoted(bytes)}`, reason: "frame" };
    let name = line.name(bytes, isAscii);
    let value = line.value(bytes, isAscii);
    const isCrWrong = line.hasCr && isLf12;
    if (isCrWrong || (line.hasEscape && !isPlain)) {
      const unescaped = isCrWrong ? undefined : unescapeHeader(value, version);
      const unescapedName = unescapeHeader(name, version);
      if (unescaped === undefined || unescapedName === undefined)
        return {
          message: isCrWrong
            ? `a carriage return that ends no line in ${line.quoted(bytes)}: write it as \\r`
            : `an escape that STOMP ${version} does not know in ${line.quoted(bytes)}`,
          reason: "frame",
        };
      name = unescapedName;
      value = unescaped;
    }
    if (!headers.has(name)) headers.set(name, value);
  }
  return withLength(command, headers);
}

function withLength(command: string, headers: ReadonlyMap<string, string>): Head | Malformed {
  const said = headers.get("content-length");
  if (said === undefined) return { command, headers, length: undefined };
  const length = lengthIn(said);
  if (length < 0)
    return {
      message: `content-length is a number of bytes, not ${JSON.stringify(shortened(said))}`,
      reason: "frame",
    };
  return { command, headers, length };
}

/** −1 if it is not a number. */
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

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
