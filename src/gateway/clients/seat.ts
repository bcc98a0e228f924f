import type { Inflow } from "./inflow.ts";

/** How much a client may still send before it is held back. Times are the timer wheel's. */
export interface Allowance {
  /** How many messages it may send, as of `countedMs`. Below zero it has a debt. */
  messages: number;
  /** How many bytes it may send, counted in the same way. */
  bytes: number;
  /** How many pings, and unrequested pongs, it may send. */
  controls: number;
  /** When this was last brought up to date. */
  countedMs: number;
  /** When its current series of holds began. */
  floodSinceMs: number;
  /** When it was last held back. */
  heldMs: number;
  /** When it will be closed, whatever it does, so that nothing it sends counts any more. Infinity unless it has sent far too much. */
  closesMs: number;
}

/** What is known of a client's socket. The seat holds it. */
export interface Watched {
  readonly inflow: Inflow;
  /** Both ends of the connection, by which its file descriptor is found (`peerOf`). */
  readonly peer: string;
  /** The file descriptor; -1 until it is found. */
  fd: number;
  /** How many bytes had come over it as of the last visit. */
  received: number;
  /** How many bytes lie unread in the kernel. */
  unread: number;
  /** For `Unsent`: whether only little of what waits for the client may be in the kernel. */
  isPatient: boolean;
  /** Whether it will be ended at the next visit. */
  isToEnd: boolean;
  /** For `Liveness`: how many bytes the client's system had taken when the client was last heard. */
  taken: number;
  /** How many bytes it had taken a round before that. */
  takenBefore: number;
}

/**
 * A client's place, from before it is admitted until it has gone, with what the limits note about it. It is kept small, since there may be
 * very many clients, most of which never send.
 */
export class Seat {
  /** What counts as one address; undefined if addresses are not counted. */
  readonly address: string | undefined;
  /** For `Liveness`: how many pings it has not answered. */
  pingsUnanswered = 0;
  /** For `Holds`: whether it is about to be closed, so that none of its input is handled any more. */
  isClosing = false;
  /** Why the manager disconnected it without a close frame, if it did; otherwise the close code tells why. */
  endedBy: "slow" | "memory" | "vanished" | undefined = undefined;
  /** For `Roster`: its list, and its place in the list. */
  list = 0;
  place = -1;
  /** For `Events`: the number of its connection; 0 if it was not announced. */
  connection = 0;
  /** For `MessageRate`: undefined until it sends something. */
  allowance: Allowance | undefined = undefined;

  /** For `HalfSent`: its socket. */
  watched: Watched | undefined = undefined;

  /** Whether its client still has to show a token. */
  isWithoutToken: boolean;

  /** When its client's token was issued, in milliseconds since 1970; 0 if that is unknown. */
  tokenIssuedAtMs = 0;

  constructor(address: string | undefined, isWithoutToken = false) {
    this.address = address;
    this.isWithoutToken = isWithoutToken;
  }

  /** What Bun keeps of what its client sends, as far as that is known. In bytes. */
  get readBytes(): number {
    return this.watched === undefined ? 0 : this.watched.inflow.keptBytes;
  }
}
