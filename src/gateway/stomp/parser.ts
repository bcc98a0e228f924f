import { isUtf8 } from "node:buffer";
import { type FaultReason, StompFault } from "./fault.ts";
import { type Frame, isUnescaped, lineBytesMax, unescapeHeader, type Version } from "./frames.ts";

const lf = 10;
const cr = 13;
const nul = 0;
const nothing = Buffer.alloc(0);

/** The caps of one frame. */
export interface FrameLimits {
  readonly maxMessageBytes: number;
  /** Headers that a frame may have. */
  readonly maxHeaders: number;
  /** The command and all headers with their line ends. In bytes. */
  readonly maxHeaderBytes: number;
}

interface Head {
  readonly command: string;
  readonly headers: ReadonlyMap<string, string>;
  /** The body's length in bytes, if the frame says it. */
  readonly length: number | undefined;
}

/**
 * Reads frames from bytes that come in pieces: `push` a piece, then take frames with `next` until there is none.
 *
 * Frames and pieces need not have anything to do with one another. A frame that comes whole is read where it is; what is left
 * of a piece is kept in a buffer that grows by doubling and is read from where reading stopped, so that a frame that comes
 * byte by byte costs no more than its size, and at most the frame's limits and one piece are kept. Nothing here throws.
 */
export class FrameParser {
  readonly #limits: FrameLimits;
  #bytes: Buffer = nothing;
  /** Whether `#bytes` is this parser's own, with room behind `#end`. */
  #isOwn = false;
  /** Where the frame, or behind its head the body, begins. */
  #start = 0;
  #end = 0;
  /** Up to here there is nothing of what is looked for. */
  #seen = 0;
  #lineStart = 0;
  #head: Head | undefined;
  #fault: StompFault | undefined;

  /** Decides on escapes. CONNECT tells it, and is the same in both. */
  version: Version = "1.2";

  /** @param limits a frame that is beyond one of them is a fault */
  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  push(bytes: Buffer): void {
    if (this.#start === this.#end) {
      this.#bytes = bytes;
      this.#isOwn = false;
      this.#start = this.#seen = this.#lineStart = 0;
      this.#end = bytes.byteLength;
      return;
    }
    if (!this.#isOwn || this.#end + bytes.byteLength > this.#bytes.byteLength) this.#grow(bytes.byteLength);
    this.#end += bytes.copy(this.#bytes, this.#end);
  }

  /** The next frame, what is wrong with it, or undefined if more bytes have to come first. After a fault: that again. */
  next(): Frame | StompFault | undefined {
    if (this.#fault !== undefined) return this.#fault;
    if (this.#head === undefined) {
      this.#skipLineEnds();
      const head = this.#readHead();
      if (head instanceof StompFault) return this.#fail(head);
      if (head === undefined) return undefined;
      this.#head = head;
    }
    const frame = this.#readBody(this.#head);
    if (frame instanceof StompFault) return this.#fail(frame);
    if (frame !== undefined) this.#head = undefined;
    else if (this.#start === this.#end) this.#bytes = nothing;
    return frame;
  }

  /** Between frames there may be line ends: heart-beats. */
  #skipLineEnds(): void {
    while (this.#start < this.#end) {
      const byte = this.#bytes[this.#start];
      const isCrLf = byte === cr && this.#start + 1 < this.#end && this.#bytes[this.#start + 1] === lf;
      if (byte !== lf && !isCrLf) break;
      this.#start += isCrLf ? 2 : 1;
      this.#seen = this.#lineStart = this.#start;
    }
    if (this.#start === this.#end) this.#bytes = nothing;
  }

  #readHead(): Head | StompFault | undefined {
    const { maxHeaderBytes } = this.#limits;
    for (;;) {
      const found = this.#bytes.subarray(0, this.#end).indexOf(lf, this.#seen);
      const lineEnd = found < 0 ? this.#end : found;
      if (this.#bytes.subarray(this.#seen, lineEnd).includes(nul))
        return this.#faultInHead("a frame ended before the empty line that ends its headers");
      if (lineEnd - this.#lineStart > lineBytesMax)
        return this.#faultInHead(`a header line has more than ${lineBytesMax} bytes`, "headerSize");
      if (lineEnd - this.#start > maxHeaderBytes)
        return this.#faultInHead(
          `the headers of a frame have more than ${maxHeaderBytes} bytes`,
          "headerSize",
        );
      this.#seen = lineEnd;
      if (found < 0) return undefined;
      const isEmpty =
        lineEnd === this.#lineStart ||
        (lineEnd === this.#lineStart + 1 && this.#bytes[this.#lineStart] === cr);
      this.#seen = lineEnd + 1;
      if (isEmpty) {
        const head = this.#parseHead(this.#bytes.subarray(this.#start, this.#lineStart));
        if (!(head instanceof StompFault)) this.#start = this.#lineStart = this.#seen;
        return head;
      }
      this.#lineStart = lineEnd + 1;
    }
  }

  #parseHead(bytes: Buffer): Head | StompFault {
    if (!isUtf8(bytes)) return this.#faultInHead("the headers of a frame are not UTF-8");
    const [command = "", ...lines] = bytes
      .toString("utf8")
      .split("\n")
      .map((line) => this.#withoutCr(line));
    // The last header has a line end too.
    lines.pop();
    const { maxHeaders } = this.#limits;
    if (lines.length > maxHeaders)
      return this.#faultInHead(`a frame has more than ${maxHeaders} headers`, "headerCount");
    const headers = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(":");
      if (colon < 1) return this.#faultInHead(`a header line is "name:value", not ${quoted(line)}`);
      const name = this.#headerText(line.slice(0, colon), command);
      const value = this.#headerText(line.slice(colon + 1), command);
      if (name === undefined || value === undefined)
        return this.#faultInHead(`an escape that STOMP ${this.version} does not know in ${quoted(line)}`);
      if (!headers.has(name)) headers.set(name, value);
    }
    const said = headers.get("content-length");
    if (said === undefined) return { command, headers, length: undefined };
    if (!/^\d{1,15}$/.test(said))
      return this.#faultInHead(`content-length is a number of bytes, not ${quoted(said)}`);
    return { command, headers, length: Number(said) };
  }

  /** A line may end with CR LF in 1.2; in 1.1 the CR would be a part of the value. */
  #withoutCr(line: string): string {
    return this.version === "1.2" && line.endsWith("\r") ? line.slice(0, -1) : line;
  }

  /** Undefined if it is malformed. */
  #headerText(text: string, command: string): string | undefined {
    if (this.version === "1.2" && text.includes("\r")) return undefined;
    return isUnescaped(command) ? text : unescapeHeader(text, this.version);
  }

  #readBody({ command, headers, length }: Head): Frame | StompFault | undefined {
    const has = this.#end - this.#start;
    const { maxMessageBytes } = this.#limits;
    let bodyEnd: number;
    if (length !== undefined) {
      if (length > maxMessageBytes) return this.#bodyTooLong(headers);
      if (has <= length) return undefined;
      bodyEnd = this.#start + length;
      if (this.#bytes[bodyEnd] !== nul) {
        return new StompFault(
          `a body goes on behind its content-length of ${length} bytes: NUL has to follow`,
          { receipt: headers.get("receipt") },
        );
      }
    } else {
      bodyEnd = this.#bytes.subarray(0, this.#end).indexOf(nul, this.#seen);
      this.#seen = this.#end;
      if ((bodyEnd < 0 ? this.#end : bodyEnd) - this.#start > maxMessageBytes)
        return this.#bodyTooLong(headers);
      if (bodyEnd < 0) return undefined;
    }
    const body = this.#bytes.subarray(this.#start, bodyEnd);
    this.#start = this.#seen = this.#lineStart = bodyEnd + 1;
    return { command, headers, body };
  }

  #bodyTooLong(headers: Head["headers"]): StompFault {
    return new StompFault(`a body has more than ${this.#limits.maxMessageBytes} bytes`, {
      reason: "messageSize",
      receipt: headers.get("receipt"),
    });
  }

  /** Names the receipt that the frame at fault asked for, as far as it can be told. */
  #faultInHead(message: string, reason: FaultReason = "frame"): StompFault {
    const seen = this.#bytes.toString("utf8", this.#start, Math.min(this.#end, this.#start + faultBytesMax));
    const [head = ""] = seen.split(/\n\r?\n/, 1);
    const [, receipt] = /\nreceipt:([^\r\n\0]{1,1000})/.exec(head) ?? [];
    return new StompFault(message, {
      reason,
      receipt: receipt && (unescapeHeader(receipt, this.version) ?? receipt),
    });
  }

  #fail(fault: StompFault): StompFault {
    this.#fault = fault;
    this.#bytes = nothing;
    return fault;
  }

  #grow(by: number): void {
    const kept = this.#end - this.#start;
    const grown = Buffer.allocUnsafeSlow(2 * (kept + by));
    this.#bytes.copy(grown, 0, this.#start, this.#end);
    this.#seen -= this.#start;
    this.#lineStart -= this.#start;
    this.#bytes = grown;
    this.#isOwn = true;
    this.#start = 0;
    this.#end = kept;
  }
}

/** How far a frame at fault is searched for its receipt. */
const faultBytesMax = 128 * 1024;

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
