import type { ClientSocket } from "../clients/client.ts";
import type { LateEntry, LateNewcomer, Protocol } from "../protocol/protocol.ts";

/** Finds the protocol that a client's first message shows; undefined if it is none of these. */
export function lateEntryFor(protocols: readonly Protocol[], first: string | Buffer): LateEntry | undefined {
  for (const { lateEntry } of protocols) if (lateEntry?.begins(first) === true) return lateEntry;
  return undefined;
}

interface HandOver {
  readonly newcomer: LateNewcomer;
  /** Whether it may have received plain text. */
  readonly hasHeard: boolean;
  /** Called if it has an id now and had none before. */
  identified(socket: ClientSocket): void;
}

/** Hands a socket over to a client of another protocol. The previous client must have let go of the socket. */
export function handOver(
  socket: ClientSocket,
  entry: LateEntry,
  first: string | Buffer,
  { newcomer, hasHeard, identified }: HandOver,
): void {
  const wasIdentified = socket.data.id !== undefined;
  if (hasHeard) socket.send(entry.resync);
  const client = entry.admit(newcomer);
  socket.data.closed();
  socket.data.left();
  socket.data = client;
  client.opened(socket);
  // The message may be handled only after the client has closed.
  if (socket.readyState === WebSocket.CLOSED) client.closed();
  if (!wasIdentified && client.id !== undefined) identified(socket);
  client.message(socket, first);
}
