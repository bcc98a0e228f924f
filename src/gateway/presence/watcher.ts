import type { ClientSocket } from "../clients/client.ts";
import type { Encoding } from "../fan-out/encoding.ts";

/** Whether a client gets lists of client ids, or only their number. */
export type Mode = "list" | "count";

/** Watchers that get the same bytes, to which Bun publishes together. */
export interface Circle {
  /** The topic's name in Bun.serve's publish and subscribe. */
  readonly key: string;
  readonly encoding: Encoding;
  readonly mode: Mode;
  /** The head of everything that they get; see `Encoding`. */
  readonly head: string;
  /** How many of them are subscribed to the key. */
  clientCount: number;
  /** How many watchers it has, subscribed or not. */
  size: number;
}

/**
 * A client's subscription to who is on a topic.
 *
 * | state    | what it gets                                             | what ends the state                   |
 * |----------|----------------------------------------------------------|---------------------------------------|
 * | waiting  | nothing: who is there is not known, or is about to change | the room knows                        |
 * | catching | the snapshot, part by part, then what has changed since  | all of that was written, and not too many circles are published to |
 * | live     | what changes, by Bun's publish                           | more waits for the client than may    |
 * | behind   | nothing: the client reads too slowly                     | it has read, and begins with a snapshot |
 * | ended    | nothing                                                  |                                       |
 */
export interface Watcher {
  readonly socket: ClientSocket;
  readonly circle: Circle;
  /** The topic that it watches. */
  readonly topic: string;
  /** One of the states in the table above. */
  state: "waiting" | "catching" | "live" | "behind" | "ended";
  /** While it catches up: the snapshot's parts, and how many of them were written. */
  bodies: readonly string[];
  /** How many members it was told of. */
  written: number;
  /** The number of the last change that it has got; at first the snapshot's. */
  number: number;
}
