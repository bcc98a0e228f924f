import type { ServerWebSocket } from "bun";
import type { Share } from "../../envelope/share.ts";
import type { Message } from "../../message.ts";
import type { Seat } from "../limits/seat.ts";

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
  opened(socket: ClientSocket): void;
  /** What is kept of what it sent (a message that is not whole, open transactions), and for its conflated subscriptions. In bytes. */
  readonly keptBytes: number;
  /** The client sent a WebSocket message. */
  message(socket: ClientSocket, body: string | Buffer): void;
  /** Something came from the broker for this client alone. */
  direct(socket: ClientSocket, message: Message): void;
  /**
   * Much waits for the client: what need not wait here goes on when it has read some.
   *
   * @returns whether all that it subscribes to is like that, so that it may read as slowly as it likes
   */
  fallBehind(): boolean;
  /** The client has read something of what waited for it. */
  drained(): void;
  /** Obeys what waits, for as long as it may go on (`turns.ts`). True if something is left. */
  goOn(socket: ClientSocket): boolean;
  /** The connection has ended, or never came about. What was read from it may still wait. */
  closed(): void;
  /** After `closed`, when nothing waits any more. */
  left(): void;
}

export type ClientSocket = ServerWebSocket<Client>;
