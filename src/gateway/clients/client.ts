import type { Share } from "../../envelope/share.ts";
import type { Body, Message } from "../../message.ts";
import type { Seat } from "./seat.ts";

/**
 * What the gateway knows of a connected client, as its protocol made it. It is kept small: there may be very many.
 * None of its methods throws or waits, since Bun awaits no handler.
 */
export interface Client {
  /** Undefined until its token, or its first message, has brought it one: nothing is addressed to it before. */
  readonly id: string | undefined;
  /** What it speaks; undefined as long as it has said nothing by which it could be known. */
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
  /** What is kept of what it sent (a message that is not whole, open transactions), and for its conflated subscriptions. In bytes. */
  readonly keptBytes: number;
  /** The client sent a WebSocket message. */
  message(socket: ClientSocket, body: string | Buffer): void;
  /** Something came from the broker for this client alone. */
  direct(socket: ClientSocket, message: Message): void;
  /** Whether it may read as slowly as it likes, since nothing that it subscribes to need wait here. */
  readonly isPatient: boolean;
  /** Much waits for the client, of this many bytes: what need not wait here goes on when it has read some. */
  fallBehind(waitingBytes: number): void;
  /** The client has read something of what waited for it. */
  drained(): void;
  /** Obeys what waits, for as long as it may go on (`turns.ts`). True if something is left. */
  goOn(socket: ClientSocket): boolean;
  /** The connection has ended, or never came about. What was read from it may still wait. */
  closed(): void;
  /** Nothing waits any more. Called after `closed`. */
  left(): void;
}

/**
 * A client's connection: one of Bun's WebSockets, or what does the same over an HTTP response (`http/response-socket.ts`), of which
 * nothing is read that could be held back.
 */
export interface ClientSocket {
  /** The client. A protocol that hands it over changes it. */
  data: Client;
  /** 1 while it is open, as of a WebSocket. */
  readonly readyState: number;
  /** Where it comes from: its own address, or the last proxy's. */
  readonly remoteAddress: string;
  /** The keys that it subscribes to. */
  readonly subscriptions: string[];
  /** Text as a text message, bytes as a binary one. */
  send(body: Body): unknown;
  /** It gets what is published to the key. */
  subscribe(key: string): void;
  /** It gets that no more. */
  unsubscribe(key: string): void;
  /** Publishes to all others that subscribe to the key. */
  publish(key: string, body: Body): unknown;
  /** Calls `send`; all that it sends is written in one piece. */
  cork(send: () => void): unknown;
  /** What was sent, and waits for the client to read it. In bytes. */
  getBufferedAmount(): number;
  /** Asks the client for a sign of life, which comes as `ponged` or `drained` of `Connections`. */
  ping(): unknown;
  /** Nothing is read from it until `resume`. */
  pause(): unknown;
  /** It is read from again. */
  resume(): unknown;
  /** Says why, and ends the connection. A reason has at most 123 bytes. */
  close(code?: number, reason?: string): void;
  /** Ends the connection without a word. */
  terminate(): void;
}
