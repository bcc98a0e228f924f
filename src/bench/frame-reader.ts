import { opcodes } from "./frames.ts";

/** A server that announces a larger frame, or message in fragments, is taken to be broken. */
const frameBytesMax = 64 * 1024 ** 2;

const finalText = 0x80 | opcodes.text;

/** What a `FrameReader` finds. The bytes are only lent: who keeps them must copy them. */
export interface FrameSink {
  /** A text message: `length` bytes of `bytes` from `at` on, which are the sink's only during the call. */
  text(bytes: Uint8Array, at: number, length: number): void;
  /** A binary message, which no load has. */
  binary(): void;
  /** A ping, a pong or a close frame. */
  control(opcode: number, payload: Uint8Array): void;
}

/** What a server may not send (RFC 6455, section 5). */
export class FrameError extends Error {}

/**
 * Reads a server's frames from the bytes of a connection, however they are split.
 *
 * A frame that lies wholly within a chunk, as nearly all do, is handed on where it lies. Only the one that straddles
 * two chunks is put together in a buffer of its own, and only fragments are collected.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a frame whose end has not arrived: the first `#heldBytes` of this. */
  #held: Uint8Array | undefined;
  #heldBytes = 0;
  #fragments: Uint8Array[] | undefined;
  #fragmentBytes = 0;
  #fragmentOpcode = 0;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Throws a `FrameError` if this is not what a server may send. */
  read(chunk: Uint8Array, from = 0): void {
    const end = chunk.length;
    let at = this.#held === undefined ? from : this.#completeHeld(chunk, from);
    while (end - at >= 2) {
      let length = chunk[at + 1]!;
      let body = at + 2;
      if (length >= 126) {
        body = at + headerBytes(length);
        if (body > end) break;
        length = longLength(chunk, at, length);
      }
      const next = body + length;
      if (next > end) break;
      if (chunk[at] === finalText && this.#fragments === undefined) this.#sink.text(chunk, body, length);
      else this.#readOther(chunk[at]!, chunk.subarray(body, next));
      at = next;
    }
    if (at < end) this.#hold(chunk, at);
  }

  #hold(chunk: Uint8Array, at: number): void {
    const rest = chunk.subarray(at);
    const total = frameBytes(rest, rest.length);
    this.#held = new Uint8Array(total ?? 10);
    this.#held.set(rest);
    this.#heldBytes = rest.length;
  }

  /** Adds to the held frame what it still lacks. Returns where the next frame begins. */
  #completeHeld(chunk: Uint8Array, from: number): number {
    let held = this.#held!;
    let at = from;
    let total = frameBytes(held, this.#heldBytes);
    while (total === undefined && at < chunk.length) {
      held[this.#heldBytes++] = chunk[at++]!;
      total = frameBytes(held, this.#heldBytes);
    }
    if (total === undefined) return at;
    if (held.length < total) {
      const longer = new Uint8Array(total);
      longer.set(held.subarray(0, this.#heldBytes));
      this.#held = held = longer;
    }
    const taken = Math.min(total - this.#heldBytes, chunk.length - at);
    held.set(chunk.subarray(at, at + taken), this.#heldBytes);
    this.#heldBytes += taken;
    if (this.#heldBytes === total) {
      this.#held = undefined;
      this.read(held.length === total ? held : held.subarray(0, total));
    }
    return at + taken;
  }

  #readOther(first: number, payload: Uint8Array): void {
    if ((first & 0x70) !== 0) throw new FrameError("a frame with an extension that was not agreed on");
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    if (opcode >= opcodes.close) this.#readControl(opcode, isFinal, payload);
    else this.#readData(opcode, isFinal, payload);
  }

  #readControl(opcode: number, isFinal: boolean, payload: Uint8Array): void {
    if (!isFinal || payload.length > 125 || opcode > opcodes.pong)
      throw new FrameError("a malformed control frame");
    this.#sink.control(opcode, payload);
  }

  #readData(opcode: number, isFinal: boolean, payload: Uint8Array): void {
    if ((opcode === opcodes.continuation) !== (this.#fragments !== undefined) || opcode > opcodes.binary) {
      throw new FrameError("a frame out of turn");
    }
    if (this.#fragments === undefined) {
      if (isFinal) this.#sink.binary();
      else {
        this.#fragments = [payload.slice()];
        this.#fragmentBytes = payload.length;
        this.#fragmentOpcode = opcode;
      }
      return;
    }
    this.#fragments.push(payload.slice());
    this.#fragmentBytes += payload.length;
    if (this.#fragmentBytes > frameBytesMax) throw new FrameError("a message that is too large");
    if (isFinal) this.#joinFragments(this.#fragments);
  }

  #joinFragments(fragments: readonly Uint8Array[]): void {
    this.#fragments = undefined;
    if (this.#fragmentOpcode === opcodes.binary) {
      this.#sink.binary();
      return;
    }
    const whole = new Uint8Array(Buffer.concat(fragments));
    this.#sink.text(whole, 0, whole.length);
  }
}

/** How long a header is, by its 7-bit length. A set mask bit shows as a length over 127. */
function headerBytes(shortLength: number): number {
  if (shortLength > 127) throw new FrameError("a masked frame, which only clients may send");
  return shortLength === 126 ? 4 : shortLength === 127 ? 10 : 2;
}

function longLength(bytes: Uint8Array, at: number, shortLength: number): number {
  if (shortLength === 126) return (bytes[at + 2]! << 8) | bytes[at + 3]!;
  let length = 0;
  for (let i = at + 2; i < at + 10; i++) length = length * 256 + bytes[i]!;
  if (length > frameBytesMax) throw new FrameError(`a frame of ${length} bytes`);
  return length;
}

/** How long the frame at the start of `bytes` is in all, header included; undefined if `count` bytes do not tell yet. */
function frameBytes(bytes: Uint8Array, count: number): number | undefined {
  if (count < 2) return undefined;
  const shortLength = bytes[1]!;
  const header = headerBytes(shortLength);
  if (count < header) return undefined;
  return header + (shortLength < 126 ? shortLength : longLength(bytes, 0, shortLength));
}
