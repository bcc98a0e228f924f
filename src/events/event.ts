/** An event of a client, as JSON on the exchange `wsmanager.events` (docs/events.md). */
export interface ClientEvent {
  /** What happened. */
  readonly event: "connected" | "disconnected" | "subscribed" | "unsubscribed";
  /** The client's id. */
  readonly client: string;
  /** The name of the connection, unique on all managers and for all time. */
  readonly connection: string;
  /** The manager that the client is connected to. */
  readonly manager: string;
  /** Milliseconds since 1970, by the clock of the manager that says so. */
  readonly at: number;
  /** The topic or pattern of a subscription. */
  readonly topic?: string | undefined;
  /** `text`, `stomp`, `sse` or `poll`. */
  readonly protocol?: string | undefined;
  /** The client's address, if addresses are counted. */
  readonly address?: string | undefined;
  /** Why the connection ended: a close code, or that its manager is lost. */
  readonly reason?: string | undefined;
}

/** A connected client in a manager's snapshot: its connection and its id. */
export type Entry = readonly [connection: string, client: string];

/** A batch of clients that came and went while no program listened. Connections are given by their numbers. */
export interface ClientBatch {
  /** The manager whose clients these are. */
  readonly manager: string;
  /** The connections that were opened. */
  readonly opened: readonly number[];
  /** The ids of these clients, in the same order; null: it has none. */
  readonly clients: readonly (string | null)[];
  /** The connections that were closed. */
  readonly closed: readonly number[];
}

/** A part of a snapshot. The first part replaces everything that was known before. */
export interface Snapshot {
  /** The manager whose clients these are. */
  readonly manager: string;
  /** When it was taken, in milliseconds since 1970. */
  readonly at: number;
  /** Which part this is, from 0 on. */
  readonly part: number;
  /** How many parts there are. */
  readonly parts: number;
  /** The clients of this part. */
  readonly entries: readonly Entry[];
}

/** What is known of a manager: its name, its sources that have not ended, and when its last snapshot was in the log (ms since 1970). */
export type Known = readonly [manager: string, sources: readonly string[], snapshotAt: number];

/** A manager's regular message to the others. */
export interface Heartbeat {
  /** The manager that sends the heartbeat. */
  readonly manager: string;
  /** Its current source. */
  readonly source: string;
  /** Its current source, and earlier ones that it has not settled. */
  readonly sources: readonly string[];
  /** When its last snapshot was in the log, in milliseconds since 1970. */
  readonly snapshotAt: number;
  /** Whether it knows all other managers. */
  readonly isSettled: boolean;
  /** The other managers that it knows. */
  readonly knows: readonly Known[];
}

/** The messages between managers. */
export type ManagerMessage = { readonly beat: Heartbeat } | { readonly settled: string };
