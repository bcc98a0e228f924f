import type { Inflow } from "./inflow.ts";

/** What a client may still send before it is held back. Times are the wheel's. */
export interface Allowance {
  /** Messages that it may send, as counted at `countedMs`; below zero is a debt. */
  messages: number;
  /** Bytes that it may send, counted in the same way. */
  bytes: number;
  /** Pings, and pongs that nobody asked for. */
  controls: number;
  /** When it was counted last. */
  countedMs: number;
  /** When its last series of holds began. */
  floodSinceMs: number;
  /** When it was held back last. */
  heldMs: number;
  /** When it is going to be closed, whatever it does: nothing it sends counts any more. Infinity unless it has sent far too much. */
  closesMs: number;
}

/** What is known of a client's socket: its seat has it. */
export interface Watched {
  readonly inflow: Inflow;
  /** Both ends of its connection, by which its file descriptor is looked for (`peerOf`). */
  readonly peer: string;
  /** The socket's; -1 until it is found. */
  fd: number;
  /** What had come over it, and what of that nobody had read, as of the last visit. In bytes. */
  received: number;
  /** What the kernel has of it, in bytes. */
  unread: number;
  /** `Unsent`: whether little of what waits for the client is to be in the kernel. */
  isPatient: boolean;
  /** Whether it is ended when it is looked at next. */
  isToEnd: boolean;
  /** `Liveness`: what its client's system had taken when it was last known to be heard. In bytes. */
  taken: number;
  /** What the system had taken a round before that. In bytes. */
  takenBefore: number;
}

/**
 * Where a client sits, from before it is admitted until it has gone, and what the limits note there. It is kept small:
 * there may be very many, most of which never send.
 */
export class Seat {
  /** What counts as one address; undefined where addresses are not counted. */
  readonly address: string | undefined;
  /** `Liveness`: pings that it has not answered. */
  pingsUnanswered = 0;
  /** `Holds`: it is about to be closed, and nothing that it sent is obeyed any more. */
  isClosing = false;
  /** Why the manager disconnected it without a word, where it did; else the close code says why. */
  endedBy: "slow" | "memory" | "vanished" | undefined = undefined;
  /** `Roster`: in which list it is, and its place there. */
  list = 0;
  place = -1;
  /** `Events`: the number of its connection there; 0 if nobody was told of it. */
  connection = 0;
  /** `MessageRate`: undefined until it sends something. */
  allowance: Allowance | undefined = undefined;

  /** `HalfSent`: its socket. */
  watched: Watched | undefined = undefined;

  /** Its client has shown no token yet where one is needed. */
  isWithoutToken: boolean;

  /** When its client's token was issued, in milliseconds since 1970; 0 if that is not known. */
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
