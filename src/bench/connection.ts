import type { Address } from "./address.ts";
import { FrameError, FrameReader, type FrameSink } from "./frame-reader.ts";
import { describeClose, makeCloseFrame, makeFrame, opcodes } from "./frames.ts";
import type { Session } from "./session.ts";

const handshakeMsMax = 10_000;

/** The server did not want the client, and said why. */
export class Refused extends Error {}

/** What a connection tells, apart from its messages. */
export interface Audience {
  /** Bytes have arrived; the inbox gets the messages in them next. */
  arrived(): void;
  /** A message in a form that is none of the bench's. */
  foreign(): void;
  /** An open connection is no more, for a reason that was not ours. */
  closed(reason: string): void;
}

/**
 * One WebSocket client on a bare TCP socket: `WebSocket` makes an event and a string of each message, which would measure
 * the client instead of the server.
 */
export class Connection implements FrameSink {
  readonly session: Session;
  readonly #audience: Audience;
  readonly #reader = new FrameReader(this);
  readonly #address: Address;
  readonly #opened = Promise.withResolvers<void>();
  /** `greeting`: it is a WebSocket, and what is spoken there is being agreed on. */
  #phase: "opening" | "greeting" | "open" | "closed" = "opening";
  #socket: Bun.Socket<Connection> | undefined;
  /** What has arrived of the answer's head. */
  #head: Buffer = Buffer.alloc(0);
  /** What the socket would not take yet. While there is any, `isBlocked`, and the pacer leaves this connection alone. */
  #unsent: Uint8Array | undefined;
  #closeReason = "1006 (cut without a close frame)";

  constructor(address: Address, session: Session, audience: Audience) {
    this.#address = address;
    this.session = session;
    this.#audience = audience;
  }

  get isOpen(): boolean {
    return this.#phase === "open";
  }

  /** The server reads too slowly; its TCP window is full. */
  get isBlocked(): boolean {
    return this.#unsent !== undefined;
  }

  /** Resolves when messages can be sent. Rejects with the system's error, or one that says what was answered instead. */
  async open(): Promise<void> {
    const { hostname, port, isSecure } = this.#address;
    const timer = setTimeout(
      () => this.#fail(new Error(`no answer within ${handshakeMsMax / 1000} s`)),
      handshakeMsMax,
    );
    try {
      await Promise.all([
        Bun.connect<Connection>({
          hostname,
          port,
          socket: socketHandler,
          data: this,
          ...(isSecure ? { tls: { serverName: hostname, rejectUnauthorized: true } } : {}),
        }),
        this.#opened.promise,
      ]);
    } catch (thrown) {
      this.#phase = "closed";
      this.#socket?.terminate();
      throw thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends the frames in `bytes[from, to)`, of which a copy is kept if they cannot go at once. */
  send(bytes: Uint8Array, from: number, to: number): void {
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, bytes.subarray(from, to)]);
      return;
    }
    const written = Math.max(0, this.#socket?.write(bytes, from, to - from) ?? 0);
    if (written < to - from) this.#unsent = bytes.slice(from + written, to);
  }

  /** Breaks it off without a goodbye, as a network does. The close is not reported. */
  cut(): void {
    this.#phase = "closed";
    this.#socket?.terminate();
  }

  /** Says goodbye. The close is not reported. */
  finish(): void {
    if (this.#phase !== "open") return;
    this.#phase = "closed";
    this.#socket?.end(makeCloseFrame(1000));
  }

  onOpen(socket: Bun.Socket<Connection>): void {
    this.#socket = socket;
    if (this.#phase === "closed") {
      socket.terminate();
      return;
    }
    socket.setNoDelay(true);
    if (!this.#address.isSecure) this.#ask();
  }

  /** The TLS handshake is over. */
  onSecured(isTrusted: boolean, error: Error | null): void {
    if (isTrusted) this.#ask();
    else {
      this.#fail(error ?? new Error("the certificate is not trusted"));
      this.#socket?.terminate();
    }
  }

  #ask(): void {
    const { request } = this.#address.handshake;
    this.send(request, 0, request.length);
  }

  onData(chunk: Buffer): void {
    try {
      if (this.#phase === "open") {
        this.#audience.arrived();
        this.#read(chunk, 0);
      } else if (this.#phase === "greeting") this.#read(chunk, 0);
      else if (this.#phase === "opening") this.#readHead(chunk);
    } catch (thrown) {
      if (!(thrown instanceof FrameError)) throw thrown;
      this.#closeReason = `1002 (the server sent ${thrown.message})`;
      this.#socket?.end(makeCloseFrame(1002));
    }
  }

  onDrain(): void {
    const rest = this.#unsent;
    if (rest === undefined) return;
    this.#unsent = undefined;
    this.send(rest, 0, rest.length);
  }

  onClose(): void {
    const { refusal } = this.session;
    if (this.#phase === "opening" || this.#phase === "greeting")
      this.#fail(
        refusal === undefined
          ? new Error("the connection was closed during the handshake")
          : new Refused(`the server said: ${refusal}`),
      );
    if (this.#phase !== "open") return;
    this.#phase = "closed";
    this.#audience.closed(refusal === undefined ? this.#closeReason : `${this.#closeReason}, ${refusal}`);
  }

  text(bytes: Uint8Array, at: number, length: number): void {
    this.session.heard(bytes, at, length);
  }

  binary(): void {
    this.#audience.foreign();
  }

  control(opcode: number, payload: Uint8Array): void {
    if (opcode === opcodes.ping) {
      const pong = makeFrame(opcodes.pong, payload);
      this.send(pong, 0, pong.length);
    } else if (opcode === opcodes.close) {
      this.#closeReason = describeClose(payload);
      this.#socket?.end(makeFrame(opcodes.close, payload));
    }
  }

  #readHead(chunk: Buffer): void {
    const answer = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    try {
      const frames = this.#address.handshake.framesBegin(answer);
      if (frames === undefined) {
        this.#head = answer;
        return;
      }
      this.#phase = "greeting";
      this.#head = Buffer.alloc(0);
      const { hello } = this.session;
      if (hello !== undefined) this.send(hello, 0, hello.length);
      this.#read(answer, frames);
    } catch (thrown) {
      if (this.#phase !== "opening") throw thrown;
      this.#fail(thrown);
    }
  }

  #read(chunk: Uint8Array, from: number): void {
    this.#reader.read(chunk, from);
    this.session.paused();
    if (this.#phase !== "greeting" || !this.session.isReady) return;
    this.#phase = "open";
    this.#opened.resolve();
  }

  #fail(reason: unknown): void {
    this.#opened.reject(reason);
  }
}

/** Shared by all sockets; which connection it is comes with the socket. */
const socketHandler: Bun.SocketHandler<Connection> = {
  open: (socket) => socket.data.onOpen(socket),
  handshake: (socket, isTrusted, error) => socket.data.onSecured(isTrusted, error),
  data: (socket, chunk) => socket.data.onData(chunk),
  drain: (socket) => socket.data.onDrain(),
  close: (socket) => socket.data.onClose(),
};
