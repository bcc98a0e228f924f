/** What programs hear of clients, as JSON on the exchange `wsmanager.events` (docs/events.md). */
export interface ClientEvent {
  /** What happened. */
  readonly event: "connected" | "disconnected" | "subscribed" | "unsubscribed";
  /** The client's id. */
  readonly client: string;
  /** Names the connection: never used again, on any manager. */
  readonly connection: string;
  /** The manager that the client is connected to. */
  readonly manager: string;
  /** Milliseconds since 1970, by the clock of the manager that says so. */
  readonly at: number;
  /** What was subscribed to: a topic or a pattern. */
  readonly topic?: string | undefined;
  /** `text`, `stomp`, `sse` or `poll`. */
  readonly protocol?: string | undefined;
  /** The client's address, where addresses are counted. */
  readonly address?: string | undefined;
  /** Why the connection ended: a close code, or that its manager is lost. */
  readonly reason?: string | undefined;
}

/** Who is connected, as a manager's snapshot tells it: connection and client. */
export type Entry = readonly [connection: string, client: string];

/** Which clients came and went while no program listened. Connections are their numbers. */
export interface Passage {
  /** The manager whose clients these are. */
  readonly manager: string;
  /** The connections of those that came. */
  readonly opened: readonly number[];
  /** Their ids, in the same order; null: it has none. */
  readonly clients: readonly (string | null)[];
  /** The connections of those that went. */
  readonly closed: readonly number[];
}

/** One part of a snapshot. Its first part begins it, and what was known before is over. */
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

/** What is known of a manager: its name, the sources that are not at their end, and when its last snapshot was in the log (ms since 1970). */
export type Known = readonly [manager: string, sources: readonly string[], snapshotAt: number];

/** What a manager tells the others, every few seconds. */
export interface Heartbeat {
  /** The manager that sends the heartbeat. */
  readonly manager: string;
  /** Its present source. */
  readonly source: string;
  /** The present one, and those before that it has not settled. */
  readonly sources: readonly string[];
  /** When its last snapshot was in the log, in milliseconds since 1970. */
  readonly snapshotAt: number;
  /** Whether it knows all managers that there are. */
  readonly isSettled: boolean;
  /** The other managers that it knows. */
  readonly knows: readonly Known[];
}

/** All that managers tell one another. */
export type Told = { readonly beat: Heartbeat } | { readonly settled: string };
