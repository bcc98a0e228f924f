import { randomBytes } from "node:crypto";
import { until, within } from "./wait.ts";

/** The opcodes of RFC 6455, section 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A WebSocket frame as it came. */
export interface Frame {
  readonly final: boolean;
  readonly opcode: number;
  readonly payload: Uint8Array;
}

export interface RawOptions {
  /** Headers beside those of the handshake, which they may replace. */
  readonly headers?: Record<string, string>;
  /** Goes on when the other side has ended its half of the connection. */
  readonly staysHalfOpen?: boolean;
  /** Gets each frame as it comes, which is not kept then. */
  readonly onFrame?: (frame: Frame) => void;
}

/**
 * A WebSocket over a bare TCP connection, for what no decent client sends. The path goes out as it is given, with
 * whatever bytes it has.
 */
export async function connectRaw(
  url: string,
  path: string,
  options: RawOptions = {},
): Promise<RawConnection> {
  const { hostname, port, host } = new URL(url);
  const headers = {
    Host: host,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    "Sec-WebSocket-Version": "13",
    ...options.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const connection = new RawConnection(options.onFrame);
  const request = `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  await connection.open(hostname, Number(port), request, options.staysHalfOpen);
  return connection;
}

export class RawConnection implements AsyncDisposable {
  /** The answer to the handshake: 101 if the WebSocket is open. */
  status = 0;
  /** All of that answer's head. */
  head = "";
  /** All frames that came, in order. */
  readonly frames: Frame[] = [];
  /** Resolves when the other side has ended the connection. */
  readonly ended: Promise<void>;
  /** Whether it has. */
  isEnded = false;

  readonly #answered = Promise.withResolvers<void>();
  #end: () => void;
  #drained = Promise.withResolvers<void>();
  #socket: Bun.Socket | undefined;
  #inbox: Buffer = Buffer.alloc(0);
  readonly #onFrame: (frame: Frame) => void;

  constructor(onFrame?: (frame: Frame) => void) {
    this.#onFrame = onFrame ?? ((frame) => this.frames.push(frame));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = () => {
      this.isEnded = true;
      resolve();
    };
  }

  async open(hostname: string, port: number, request: string, allowHalfOpen = false): Promise<void> {
    this.#socket = await Bun.connect({
      hostname,
      port,
      allowHalfOpen,
      socket: {
        data: (_, bytes) => this.#take(bytes),
        drain: () => this.#drained.resolve(),
        end: () => undefined,
        close: () => this.#end(),
        error: () => this.#end(),
      },
    });
    this.sendBytes(Buffer.from(request));
    await within(
      Promise.race([this.#answered.promise, this.ended]),
      `an answer to ${request.split("\r\n")[0]}`,
    );
  }

  /** Sends exactly these bytes. */
  sendBytes(bytes: Uint8Array): void {
    const written = this.#socket?.write(bytes);
    if (written !== bytes.length) throw new Error(`the socket took ${written} of ${bytes.length} bytes`);
  }

  /** Sends these bytes as fast as they are read. False if the other side has ended the connection before. */
  async flood(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      const written = this.#socket?.write(bytes.subarray(at)) ?? -1;
      if (written < 0) return false;
      at += written;
      if (at === bytes.length) break;
      this.#drained = Promise.withResolvers();
      if (await Promise.race([this.#drained.promise, this.ended.then(() => true)])) return false;
    }
    return true;
  }

  /** The first frame that fits, once it came. */
  async frame(fits: (frame: Frame) => boolean): Promise<Frame> {
    return await until(() => this.frames.find(fits), "the frame came");
  }

  /** Sends one masked frame, whatever its payload and opcode. */
  sendFrame(opcode: number, payload: Uint8Array | string, final = true): void {
    this.sendBytes(frameBytes(opcode, payload, { final }));
  }

  /** Reads nothing more. */
  stopReading(): void {
    this.#socket?.pause();
  }

  /** Reads again after `stopReading`. */
  readAgain(): void {
    this.#socket?.resume();
  }

  /** Ends its own side and goes on to read. */
  sendEnd(): void {
    this.#socket?.shutdown();
  }

  /** The code of the close frame that came, once it came. */
  async closeCode(timeoutMs = 10_000): Promise<number> {
    await within(this.ended, "the other side to end the connection", timeoutMs);
    const close = this.frames.find(({ opcode }) => opcode === opcodes.close);
    if (close === undefined) throw new Error("the connection ended without a close frame");
    return Buffer.from(close.payload).readUInt16BE(0);
  }

  /** Ends the connection without a close frame. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.terminate();
    await this.ended;
  }

  #take(bytes: Uint8Array): void {
    this.#inbox = Buffer.concat([this.#inbox, bytes]);
    if (this.status === 0) this.#takeHead();
    if (this.status === 101) this.#takeFrames();
  }

  #takeHead(): void {
    const end = this.#inbox.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.head = this.#inbox.toString("latin1", 0, end);
    this.status = Number(this.head.split(" ")[1]);
    this.#inbox = this.#inbox.subarray(end + 4);
    this.#answered.resolve();
  }

  #takeFrames(): void {
    for (let decoded = decodeFrame(this.#inbox); decoded !== undefined; decoded = decodeFrame(this.#inbox)) {
      this.#onFrame(decoded.frame);
      this.#inbox = this.#inbox.subarray(decoded.size);
    }
  }
}

export interface FrameOptions {
  readonly final?: boolean;
  /** Of the three reserved bits: 4 is RSV1, 2 is RSV2 and 1 is RSV3. */
  readonly reserved?: number;
  /** A client has to. */
  readonly masked?: boolean;
  /** The bytes of the length, where it is not to be the payload's or not in the shortest form. */
  readonly length?: readonly number[];
}

/** RFC 6455, section 5.2, as a client sends it unless the options say otherwise. */
export function frameBytes(
  opcode: number,
  payload: Uint8Array | string = "",
  options: FrameOptions = {},
): Buffer {
  const { final = true, reserved = 0, masked = true } = options;
  const bytes = Buffer.from(payload as string);
  const [short, ...long] = options.length ?? lengthBytes(bytes.byteLength);
  const head = [(final ? 0x80 : 0) | (reserved << 4) | opcode, (masked ? 0x80 : 0) | short!, ...long];
  const mask = masked ? randomBytes(4) : Buffer.alloc(0);
  const body = masked ? bytes.map((byte, index) => byte ^ mask[index % 4]!) : bytes;
  return Buffer.concat([Buffer.from(head), mask, body]);
}

function lengthBytes(length: number): number[] {
  if (length < 126) return [length];
  const long = Buffer.alloc(length < 65_536 ? 2 : 8);
  if (long.length === 2) long.writeUInt16BE(length);
  else long.writeBigUInt64BE(BigInt(length));
  return [long.length === 2 ? 126 : 127, ...long];
}

/** The first frame in the bytes, as a server sends it, unmasked; undefined until all of it is there. */
function decodeFrame(bytes: Buffer): { frame: Frame; size: number } | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const short = second & 0x7f;
  const headSize = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < headSize) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < headSize + length) return undefined;
  const payload = Uint8Array.from(bytes.subarray(headSize, headSize + length));
  return { frame: { final: (first & 0x80) !== 0, opcode: first & 0x0f, payload }, size: headSize + length };
}
