import { Address } from "../../../src/bench/address.ts";
import { type Audience, Connection } from "../../../src/bench/connection.ts";
import { type FrameHearer, FrameScanner } from "../../../src/bench/frame-scanner.ts";
import { makeFrame, opcodes } from "../../../src/bench/frames.ts";
import type { Session } from "../../../src/bench/session.ts";
import { frameText, type Header } from "../../../src/wire/stomp/frames.ts";

/** The options of a `FrameClient`. */
export interface FrameClientOptions {
  readonly url: URL;
  /** The headers of its SUBSCRIBEs besides the receipt, one entry for each. */
  readonly subscriptions: readonly (readonly Header[])[];
  /** A MESSAGE came: its frame begins at `frame`, its body at `body`. The bytes are only lent. */
  message(bytes: Uint8Array, frame: number, body: number, length: number): void;
  receipt?(id: string): void;
  /** A subscription was confirmed; `after` is where it goes on, if the manager says so. */
  subscribed?(after: string | undefined): void;
}

/** A STOMP client of the drivers, on the bench's own WebSocket: cheap enough for thousands of them in one process. */
export class FrameClient implements Session, FrameHearer {
  readonly hello: Uint8Array;
  refusal: string | undefined;
  readonly #options: FrameClientOptions;
  readonly #connection: Connection;
  readonly #scanner = new FrameScanner(this);
  #unanswered: number;

  constructor(options: FrameClientOptions) {
    this.#options = options;
    const subscribes = options.subscriptions.map((headers) =>
      frameOf("SUBSCRIBE", [...headers, ["receipt", subscribedReceipt]], ""),
    );
    this.#unanswered = subscribes.length;
    const connect: Header[] = [
      ["accept-version", "1.2"],
      ["host", "/"],
      ["heart-beat", "0,0"],
    ];
    this.hello = Buffer.concat([frameOf("CONNECT", connect, ""), ...subscribes]);
    const audience: Audience = {
      arrived: () => undefined,
      foreign: () => undefined,
      closed: (reason) => {
        if (this.#isClosable) return;
        throw new Error(`a client was closed: ${reason}`);
      },
    };
    this.#connection = new Connection(new Address(options.url, "v12.stomp"), this, audience);
  }

  /** Whether the end of its connection is expected, and no failure. */
  #isClosable = false;

  mayClose(): void {
    this.#isClosable = true;
  }

  /** Ends its connection without a close frame. */
  cut(): void {
    this.#isClosable = true;
    this.#connection.cut();
  }

  /** Resolves when all subscriptions are confirmed. */
  open(): Promise<void> {
    return this.#connection.open();
  }

  send(headers: readonly Header[], body: string): void {
    this.say(frameOf("SEND", headers, body));
  }

  /** Sends WebSocket frames. Several clients may share them. */
  say(frames: Uint8Array): void {
    this.#connection.send(frames, 0, frames.length);
  }

  get isReady(): boolean {
    return this.#unanswered === 0;
  }

  heard(bytes: Uint8Array, at: number, length: number): void {
    this.#scanner.scan(bytes, at, at + length);
  }

  paused(): void {
    // Nothing is kept.
  }

  message(bytes: Uint8Array, frame: number, body: number, length: number): void {
    this.#options.message(bytes, frame, body, length);
  }

  other(frame: string): void {
    const receipt = /^RECEIPT\n(?:.*\n)*?receipt-id:(.*?)\n/.exec(frame)?.[1];
    if (receipt === subscribedReceipt) {
      this.#unanswered--;
      this.#options.subscribed?.(/\nx-stream-after:(.*)/.exec(frame)?.[1]);
    } else if (receipt !== undefined) this.#options.receipt?.(receipt);
    else if (frame.startsWith("ERROR")) this.refusal = /\nmessage:(.*)/.exec(frame)?.[1] ?? frame;
  }
}

const subscribedReceipt = "subscribed";

/** Opens clients, some at a time. */
export async function openAll(clients: readonly FrameClient[], atOnce = 256): Promise<void> {
  const waiting = clients.values();
  const openInTurn = async () => {
    for (const client of waiting) await client.open();
  };
  await Promise.all(Array.from({ length: atOnce }, openInTurn));
}

/** A STOMP frame in a WebSocket frame. */
export function frameOf(command: string, headers: readonly Header[], body: string): Uint8Array {
  return makeFrame(opcodes.text, new TextEncoder().encode(frameText(command, headers, body, "1.2")));
}
