import type { ClientSocket } from "../clients/client.ts";
import type { LateEntry, LateNewcomer, Protocol } from "../protocol/protocol.ts";

/** The way in to the protocol that a client turns out to speak, by what it says first; undefined: it speaks none of these. */
export function lateEntryFor(protocols: readonly Protocol[], first: string | Buffer): LateEntry | undefined {
  for (const { lateEntry } of protocols) if (lateEntry?.begins(first) === true) return lateEntry;
  return undefined;
}

interface HandOver {
  readonly newcomer: LateNewcomer;
  /** Whether plain text may have come to it. */
  readonly hasHeard: boolean;
  /** Called if it has an id now, and had none before. */
  identified(socket: ClientSocket): void;
}

/** The client on a socket speaks another protocol from now on. What it was before must have let go of the socket. */
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
  // What a client sent before it closed may be understood only now.
  if (socket.readyState === WebSocket.CLOSED) client.closed();
  if (!wasIdentified && client.id !== undefined) identified(socket);
  client.message(socket, first);
}
