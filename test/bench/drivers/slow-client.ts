import { FrameReader, type FrameSink } from "../../../src/bench/frame-reader.ts";
import { type FrameHearer, FrameScanner } from "../../../src/bench/frame-scanner.ts";
import { makeFrame, opcodes } from "../../../src/bench/frames.ts";
import { Handshake } from "../../../src/bench/handshake.ts";
import { frameOf } from "./frame-client.ts";

/** The options of a slow client. */
export interface SlowClientOptions {
  readonly url: URL;
  /** The headers of its SUBSCRIBE besides the receipt. */
  readonly subscription: readonly (readonly [string, string])[];
  /** How many bytes it reads in a second. After each chunk it pauses for as long as the chunk takes at this rate. */
  readonly bytesPerSecond: number;
  /** Called with the body of each MESSAGE. The bytes are only lent. */
  message(bytes: Uint8Array, body: number, length: number): void;
}

/** A durable STOMP subscriber that reads slowly, until it is told to read at full speed. It throws if it is closed. */
export class SlowClient implements FrameSink, FrameHearer {
  readonly #options: SlowClientOptions;
  readonly #reader = new FrameReader(this);
  readonly #scanner = new FrameScanner(this);
  readonly #handshake: Handshake;
  readonly #subscribed = Promise.withResolvers<void>();
  #socket: Bun.Socket<SlowClient> | undefined;
  #head: Buffer | undefined = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #isSlow = false;

  constructor(options: SlowClientOptions) {
    this.#options = options;
    this.#handshake = new Handshake(options.url, "v12.stomp");
  }

  /** Resolves when it is subscribed. */
  async open(): Promise<void> {
    const { hostname, port } = this.#options.url;
    this.#socket = await Bun.connect<SlowClient>({
      hostname,
      port: Number(port),
      socket: handler,
      data: this,
    });
    this.#socket.write(this.#handshake.request);
    await this.#subscribed.promise;
  }

  readSlowly(): void {
    this.#isSlow = true;
  }

  readOn(): void {
    this.#isSlow = false;
    clearTimeout(this.#timer);
    this.#socket?.resume();
  }

  came(chunk: Buffer): void {
    if (this.#head === undefined) this.#reader.read(chunk);
    else this.#readHead(Buffer.concat([this.#head, chunk]));
    if (!this.#isSlow) return;
    this.#socket?.pause();
    this.#timer = setTimeout(
      () => this.#socket?.resume(),
      (chunk.length / this.#options.bytesPerSecond) * 1000,
    );
  }

  text(bytes: Uint8Array, at: number, length: number): void {
    this.#scanner.scan(bytes, at, at + length);
  }

  binary(): void {
    throw new Error("a binary message came");
  }

  control(opcode: number, payload: Uint8Array): void {
    if (opcode === opcodes.ping) this.#socket?.write(makeFrame(opcodes.pong, payload));
  }

  message(bytes: Uint8Array, _frame: number, body: number, length: number): void {
    this.#options.message(bytes, body, length);
  }

  other(frame: string): void {
    if (frame.startsWith("RECEIPT")) this.#subscribed.resolve();
    else if (frame.startsWith("ERROR")) throw new Error(frame);
  }

  #readHead(answer: Buffer): void {
    const frames = this.#handshake.framesBegin(answer);
    this.#head = frames === undefined ? answer : undefined;
    if (frames === undefined) return;
    const connect = frameOf(
      "CONNECT",
      [
        ["accept-version", "1.2"],
        ["host", "/"],
        ["heart-beat", "0,0"],
      ],
      "",
    );
    const subscribe = frameOf("SUBSCRIBE", [...this.#options.subscription, ["receipt", "subscribed"]], "");
    this.#socket?.write(Buffer.concat([connect, subscribe]));
    this.#reader.read(answer, frames);
  }
}

const handler: Bun.SocketHandler<SlowClient> = {
  data: (socket, chunk) => socket.data.came(chunk),
  close: () => {
    throw new Error("a slow client was cut off");
  },
};
