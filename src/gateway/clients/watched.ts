import type { Inflow } from "./inflow.ts";

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
  /** Whether it is ended when it is looked at next. */
  isToEnd: boolean;
  /** `Presence`: what its client's system had taken when it was last known to be heard. In bytes. */
  taken: number;
  /** The same a round before that. */
  takenBefore: number;
}
