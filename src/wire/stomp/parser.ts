import { isUtf8 } from "node:buffer";
import { frameHeadersCostBytes } from "../../costs.ts";
import { type FaultReason, receiptIn, StompFault } from "./fault.ts";
import { type Frame, type FrameLimits, lineBytesMax, lineEndsAtOnce, named, type Version } from "./frames.ts";
import { type Head, parseHead } from "./head.ts";

const lf = 10;
const cr = 13;
const nul = 0;
const nothing = Buffer.alloc(0);

/**
 * Parses frames from input that comes in pieces: `push` a piece, and then call `next` until it returns undefined and has not paused.
 *
 * Frames and pieces may be split in any way. A frame that comes whole is parsed in place. What is left of a piece is kept in a buffer that
 * grows by doubling, and parsing continues where it stopped. So a frame that comes byte by byte costs no more than its size, and at most
 * the frame's limits and one piece are kept. Nothing here throws.
 */
export class FrameParser {
  readonly #limits: FrameLimits;
  #bytes: Buffer = nothing;
  /** How much memory `#bytes` keeps alive, once that was asked, since asking a buffer is slow. −1 before. */
  #allocated = 0;
  /** Whether `#bytes` belongs to this parser, with room after `#end`. */
  #isOwn = false;
  /** The start of the frame, or, after its head, of the body. */
  #start = 0;
  #end = 0;
  /** The position up to which the search found nothing. */
  #seen = 0;
  #lineStart = 0;
  /** All bytes of the head so far, combined by OR, to see whether they are ASCII. */
  #bits = 0;
  #head: Head | undefined;
  /** What the headers take while the body is awaited. In bytes. */
  #headBytes = 0;
  #fault: StompFault | undefined;
  #lineEnds = 0;

  /** Whether only CONNECT may come, which has no body. Any other frame is a fault as soon as its head is there. */
  awaitsConnect = false;
  /** Whether `next` has returned undefined within many line ends, and is to be called again, as for a further frame. */
  hasPaused = false;
  /** Decides which escapes there are. CONNECT tells it, and is the same in both versions. */
  version: Version = "1.2";

  /** @param limits a frame that exceeds one of them is faulty */
  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  push(bytes: Buffer): void {
    if (this.#start === this.#end) {
      this.#bytes = bytes;
      this.#allocated = -1;
      this.#isOwn = false;
      this.#start = this.#seen = this.#lineStart = 0;
      this.#end = bytes.byteLength;
      return;
    }
    if (!this.#isOwn || this.#end + bytes.byteLength > this.#bytes.byteLength) this.#grow(bytes.byteLength);
    this.#end += bytes.copy(this.#bytes, this.#end);
  }

  /** Whether a frame has begun and is incomplete. Call it after `next` has returned undefined. */
  get isUnfinished(): boolean {
    return this.#start < this.#end || this.#head !== undefined;
  }

  /** What is kept of an incomplete frame, in bytes. Call it after `next` has returned undefined. */
  get keptBytes(): number {
    return (this.#start === this.#end ? 0 : this.#bufferBytes) + this.#headBytes;
  }

  get #bufferBytes(): number {
    if (this.#allocated < 0) this.#allocated = this.#bytes.buffer.byteLength;
    return this.#allocated;
  }

  /** Whether any input is left. */
  get hasInput(): boolean {
    return this.#start < this.#end || this.#fault !== undefined;
  }

  /** How many line ends between frames were skipped since the last call. */
  takeLineEnds(): number {
    const lineEnds = this.#lineEnds;
    this.#lineEnds = 0;
    return lineEnds;
  }

  /** The next frame, or the fault in it, or undefined if more input is needed. After a fault, the same fault again. */
  next(): Frame | StompFault | undefined {
    if (this.#fault !== undefined) return this.#fault;
    if (this.#head === undefined) {
      this.#skipLineEnds();
      if (this.hasPaused) return undefined;
      const head = this.#readHead();
      if (head instanceof StompFault) return this.#fail(head);
      if (head === undefined) return this.#keepRest();
      this.#head = head;
      if (this.awaitsConnect && head.command !== "CONNECT" && head.command !== "STOMP")
        return this.#fail(this.#faultOf(head, `CONNECT first, not ${named(head.command)}`));
    }
    const frame = this.#readBody(this.#head);
    if (frame instanceof StompFault) return this.#fail(frame);
    if (frame !== undefined) {
      this.#head = undefined;
      this.#headBytes = 0;
    } else {
      this.#headBytes ||= frameHeadersCostBytes(this.#head.headers);
      this.#keepRest();
    }
    return frame;
  }

  /** Skips line ends between frames: heart-beats. */
  #skipLineEnds(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#start;
    let lineEnds = 0;
    for (; at < end && lineEnds < lineEndsAtOnce; lineEnds++) {
      if (bytes[at] === lf) at++;
      else if (bytes[at] === cr && at + 1 < end && bytes[at + 1] === lf) at += 2;
      else break;
    }
    this.hasPaused = lineEnds === lineEndsAtOnce && at < end;
    if (lineEnds === 0) return;
    this.#lineEnds += lineEnds;
    this.#start = this.#seen = this.#lineStart = at;
  }

  #readHead(): Head | StompFault | undefined {
    const bytes = this.#bytes;
    const end = this.#end;
    let lineStart = this.#lineStart;
    let bits = this.#bits;
    for (let at = this.#seen; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === nul) return this.#faultInHead("a frame ended before the empty line that ends its headers");
      bits |= byte;
      if (byte !== lf) continue;
      const tooLong = this.#tooLong(lineStart, at);
      if (tooLong !== undefined) return tooLong;
      if (at === lineStart || (at === lineStart + 1 && bytes[lineStart] === cr))
        return this.#cutUp(bytes.subarray(this.#start, lineStart), bits < 0x80, at + 1);
      lineStart = at + 1;
    }
    this.#bits = bits;
    this.#lineStart = lineStart;
    this.#seen = end;
    return this.#tooLong(lineStart, end);
  }

  /** A fault if a line, or the head with it, is too long. */
  #tooLong(lineStart: number, lineEnd: number): StompFault | undefined {
    const { maxHeaderBytes } = this.#limits;
    if (lineEnd - lineStart > lineBytesMax)
      return this.#faultInHead(`a header line has more than ${lineBytesMax} bytes`, "headerSize");
    if (lineEnd - this.#start > maxHeaderBytes)
      return this.#faultInHead(`the headers of a frame have more than ${maxHeaderBytes} bytes`, "headerSize");
    return undefined;
  }

  /** @param bodyStart the position at which the head ends */
  #cutUp(lines: Buffer, isAscii: boolean, bodyStart: number): Head | StompFault {
    if (!(isAscii || isUtf8(lines))) return this.#faultInHead("the headers of a frame are not UTF-8");
    const head = parseHead(lines, isAscii, this.version, this.#limits.maxHeaders);
    if ("message" in head) return this.#faultInHead(head.message, head.reason);
    this.#start = this.#lineStart = this.#seen = bodyStart;
    this.#bits = 0;
    return head;
  }

  #readBody({ command, headers, length }: Head): Frame | StompFault | undefined {
    const has = this.#end - this.#start;
    if (this.awaitsConnect && has > 0 && this.#bytes[this.#start] !== nul)
      return this.#faultOf({ headers }, "only a SEND has a body");
    const { maxMessageBytes } = this.#limits;
    let bodyEnd: number;
    if (length !== undefined) {
      if (length > maxMessageBytes) return this.#bodyTooLong(headers);
      if (has <= length) return undefined;
      bodyEnd = this.#start + length;
      if (this.#bytes[bodyEnd] !== nul) {
        return this.#faultOf(
          { headers },
          `a body goes on after its content-length of ${length} bytes: NUL has to follow`,
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

  #faultOf({ headers }: Pick<Head, "headers">, message: string): StompFault {
    return new StompFault(message, { receipt: headers.get("receipt") });
  }

  #bodyTooLong(headers: Head["headers"]): StompFault {
    return new StompFault(`a body has more than ${this.#limits.maxMessageBytes} bytes`, {
      reason: "messageSize",
      receipt: headers.get("receipt"),
    });
  }

  /** Makes a fault with the receipt that the frame asked for, if it can be found. */
  #faultInHead(message: string, reason: FaultReason = "frame"): StompFault {
    const receipt = receiptIn(this.#bytes.subarray(this.#start, this.#end), this.version);
    return new StompFault(message, { reason, receipt });
  }

  #fail(fault: StompFault): StompFault {
    this.#fault = fault;
    this.#bytes = nothing;
    this.#allocated = 0;
    this.#head = undefined;
    this.#headBytes = 0;
    return fault;
  }

  /** Keeps what is left until more comes. A small rest must not keep a large piece in memory. */
  #keepRest(): undefined {
    const rest = this.#end - this.#start;
    if (rest === 0) this.#bytes = nothing;
    else if (4 * rest < this.#bufferBytes) this.#grow(0);
  }

  #grow(by: number): void {
    const kept = this.#end - this.#start;
    const grown = Buffer.allocUnsafeSlow(2 * (kept + by));
    this.#bytes.copy(grown, 0, this.#start, this.#end);
    this.#seen -= this.#start;
    this.#lineStart -= this.#start;
    this.#bytes = grown;
    this.#allocated = grown.byteLength;
    this.#isOwn = true;
    this.#start = 0;
    this.#end = kept;
  }
}
