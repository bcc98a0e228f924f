import type { Inbox } from "./inbox.ts";

/** One client's side of what is said inside its WebSocket messages. */
export interface Session {
  /** What to say when the WebSocket is open, as WebSocket frames. */
  readonly hello: Uint8Array | undefined;
  /** The server has answered all that has to be answered before the run. */
  readonly isReady: boolean;
  /** Why the server is about to close the connection, where it said so. */
  readonly refusal: string | undefined;
  /** A text message came, in `bytes[at, at + length)`. The bytes are only lent. */
  heard(bytes: Uint8Array, at: number, length: number): void;
  /** Everything that had arrived was heard, and the bytes will be taken back. */
  paused(): void;
}

/** Plain text: every message is the message itself, and there is nothing to agree on. */
export class TextSession implements Session {
  readonly hello = undefined;
  readonly isReady = true;
  readonly refusal = undefined;
  readonly #index: number;
  readonly #inbox: Inbox;

  constructor(index: number, inbox: Inbox) {
    this.#index = index;
    this.#inbox = inbox;
  }

  heard(bytes: Uint8Array, at: number, length: number): void {
    this.#inbox.take(this.#index, bytes, at, length);
  }

  paused(): void {
    // Nothing is kept.
  }
}
