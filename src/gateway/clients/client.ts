import type { Share } from "../../envelope/share.ts";
import type { Body, Message } from "../../message.ts";
import type { Seat } from "./seat.ts";

/**
 * What the gateway knows of a connected client, as its protocol made it. It is kept small, since there may be very many. No method throws
 * or waits, since Bun awaits no handler.
 */
export interface Client {
  /** Undefined until its token or its first message has brought an id. Until then nothing is addressed to it. */
  readonly id: string | undefined;
  /** Its protocol; undefined until it has sent something that shows it. */
  readonly protocol: string | undefined;
  readonly seat: Seat;
  /** The topics and patterns that it subscribes to. */
  topics(): Iterable<string>;
  /** Whether it has ever sent a message for others. */
  readonly hasPublished: boolean;
  /** What it has in the outbox; undefined until it publishes. */
  readonly share: Share | undefined;
  /** Its connection is open. */
  opened(socket: ClientSocket): void;
  /** What is kept of what it sent (an incomplete message, open transactions), and for its conflated subscriptions. In bytes. */
  readonly keptBytes: number;
  /** The client has sent a WebSocket message. */
  message(socket: ClientSocket, body: string | Buffer): void;
  /** A message for this client alone came from the broker. */
  direct(socket: ClientSocket, message: Message): void;
  /** Whether it may read as slowly as it likes, because nothing that it subscribes to has to wait here. */
  readonly isPatient: boolean;
  /** Much waits for the client, this many bytes. Subscriptions that can stop do so until it has read some. */
  fallBehind(waitingBytes: number): void;
  /** The client has read something of what waited for it. */
  drained(): void;
  /** Handles waiting input, for as long as it may (`turns.ts`). Returns true if some is left. */
  resumeInput(socket: ClientSocket): boolean;
  /** The connection has ended, or was never opened. Input that was read may still wait. */
  closed(): void;
  /** No input waits any more. Called after `closed`. */
  left(): void;
}

/**
 * A client's connection: one of Bun's WebSockets, or an HTTP response with the same methods (`http/response-socket.ts`), from which nothing
 * is read.
 */
export interface ClientSocket {
  /** The client. When another protocol takes the socket over, it replaces this. */
  data: Client;
  /** 1 while it is open, like a WebSocket's. */
  readonly readyState: number;
  /** The peer's address: the client's, or the last proxy's. */
  readonly remoteAddress: string;
  /** The keys that it subscribes to. */
  readonly subscriptions: string[];
  /** Sends text as a text message, and bytes as a binary one. */
  send(body: Body): unknown;
  /** Subscribes it to what is published to the key. */
  subscribe(key: string): void;
  /** Ends that subscription. */
  unsubscribe(key: string): void;
  /** Publishes to all other sockets that subscribe to the key. */
  publish(key: string, body: Body): unknown;
  /** Calls `send`. Everything that this sends is written in one piece. */
  cork(send: () => void): unknown;
  /** How much was sent and waits for the client to read it. In bytes. */
  getBufferedAmount(): number;
  /** Pings the client. A sign of life comes as `ponged` or `drained` of `Connections`. */
  ping(): unknown;
  /** Stops reading from it, until `resume`. */
  pause(): unknown;
  /** Reads from it again. */
  resume(): unknown;
  /** Closes the connection with a code and a reason, which has at most 123 bytes. */
  close(code?: number, reason?: string): void;
  /** Ends the connection without a close frame. */
  terminate(): void;
}
