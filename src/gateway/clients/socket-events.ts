import type { ClientSocket } from "./client.ts";

/** Gets the events of clients' sockets from Bun. No method may throw or wait. */
export interface SocketEvents {
  /** A connection is open. */
  opened(socket: ClientSocket): void;
  /** A message has come. */
  message(socket: ClientSocket, body: string | Buffer): void;
  /** The client has read something of what waited for it. */
  drained(socket: ClientSocket): void;
  /** A ping has come, which Bun has answered. */
  pinged(socket: ClientSocket, data: Buffer): void;
  /** A pong has come. */
  ponged(socket: ClientSocket, data: Buffer): void;
  /** The connection has ended, with this code. */
  closed(socket: ClientSocket, code: number): void;
}
