import { FrameError } from "./frame-reader.ts";

const lf = 10;
const nul = 0;
const messageMark = 0x4d; // "M"

const lengthHeader = Buffer.from("\ncontent-length:");
const headEnd = Buffer.from("\n\n");

/** What a `FrameScanner` finds. The bytes are only lent. */
export interface FrameHearer {
  /** A MESSAGE: its frame begins at `frame`, its body at `body`. */
  message(bytes: Uint8Array, frame: number, body: number, length: number): void;
  /** Any other frame, without the NUL at its end. */
  other(frame: string): void;
}

/** How a MESSAGE was laid out: the next one is so too, most of the time. */
interface Shape {
  headBytes: number;
  bodyBytes: number;
}

/**
 * Finds the STOMP frames in WebSocket messages. To look for the end of a head of two hundred bytes would cost more than all
 * the rest of an arrival, so it is first looked for where it was the last time; relayed messages and answers differ, hence
 * the two places.
 */
export class FrameScanner {
  readonly #hearer: FrameHearer;
  #usual: Shape = { headBytes: 2, bodyBytes: 0 };
  #second: Shape = { headBytes: 2, bodyBytes: 0 };

  constructor(hearer: FrameHearer) {
    this.#hearer = hearer;
  }

  /** @throws FrameError if what is in `bytes[at, end)` are no whole frames */
  scan(bytes: Uint8Array, at: number, end: number): void {
    let next = at;
    while (next < end) {
      const first = bytes[next]!;
      // Heart-beats, and line ends after a frame.
      if (first === lf) next++;
      else if (first === messageMark) next = this.#message(bytes, next, end);
      else next = this.#other(bytes, next, end);
    }
  }

  #message(bytes: Uint8Array, at: number, end: number): number {
    if (!fits(this.#usual, bytes, at, end)) {
      const usual = this.#usual;
      this.#usual = this.#second;
      this.#second = usual;
      if (!fits(this.#usual, bytes, at, end)) measure(this.#usual, bytes, at, end);
    }
    const { headBytes, bodyBytes } = this.#usual;
    this.#hearer.message(bytes, at, at + headBytes, bodyBytes);
    return at + headBytes + bodyBytes + 1;
  }

  #other(bytes: Uint8Array, at: number, end: number): number {
    const frameEnd = bytes.indexOf(nul, at);
    if (frameEnd < 0 || frameEnd >= end) throw new FrameError("a STOMP frame without an end");
    this.#hearer.other(new TextDecoder().decode(bytes.subarray(at, frameEnd)));
    return frameEnd + 1;
  }
}

function fits({ headBytes, bodyBytes }: Shape, bytes: Uint8Array, at: number, end: number): boolean {
  const body = at + headBytes;
  const last = body + bodyBytes;
  return last < end && bytes[last] === nul && bytes[body - 1] === lf && bytes[body - 2] === lf;
}

function measure(shape: Shape, bytes: Uint8Array, at: number, end: number): void {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at);
  const head = frame.indexOf(headEnd);
  const lengthAt = frame.indexOf(lengthHeader);
  shape.headBytes = head + headEnd.length;
  shape.bodyBytes =
    lengthAt >= 0 && lengthAt < head
      ? Number.parseInt(frame.toString("latin1", lengthAt + lengthHeader.length, head), 10)
      : frame.indexOf(nul, head) - shape.headBytes;
  if (head < 0 || !fits(shape, bytes, at, end)) throw new FrameError("a malformed MESSAGE");
}
