import { randomBytes } from "node:crypto";
import { within } from "./wait.ts";

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
  const connection = new RawConnection();
  await connection.open(hostname, Number(port), `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return connection;
}

export class RawConnection implements AsyncDisposable {
  /** The answer to the handshake: 101 if the WebSocket is open. */
  status = 0;
  /** All frames that came, in order. */
  readonly frames: Frame[] = [];
  /** Resolves when the other side has ended the connection. */
  readonly ended: Promise<void>;

  readonly #answered = Promise.withResolvers<void>();
  #end: () => void;
  #socket: Bun.Socket | undefined;
  #inbox: Buffer = Buffer.alloc(0);

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#end = resolve;
  }

  async open(hostname: string, port: number, request: string): Promise<void> {
    this.#socket = await Bun.connect({
      hostname,
      port,
      socket: {
        data: (_, bytes) => this.#take(bytes),
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

  /** Sends one masked frame, whatever its payload and opcode. */
  sendFrame(opcode: number, payload: Uint8Array | string, final = true): void {
    this.sendBytes(encodeFrame(opcode, Buffer.from(payload as string), final));
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
    this.status = Number(this.#inbox.toString("latin1", 0, end).split(" ")[1]);
    this.#inbox = this.#inbox.subarray(end + 4);
    this.#answered.resolve();
  }

  #takeFrames(): void {
    for (let decoded = decodeFrame(this.#inbox); decoded !== undefined; decoded = decodeFrame(this.#inbox)) {
      this.frames.push(decoded.frame);
      this.#inbox = this.#inbox.subarray(decoded.size);
    }
  }
}

/** RFC 6455, section 5.2, as a client sends it: masked. */
function encodeFrame(opcode: number, payload: Buffer, final: boolean): Buffer {
  const first = (final ? 0x80 : 0) | opcode;
  const mask = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]!);
  return Buffer.concat([encodeLength(first, payload.length), mask, masked]);
}

function encodeLength(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, 0x80 | length]);
  const head = Buffer.from(length < 65_536 ? [first, 0xfe, 0, 0] : [first, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
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
