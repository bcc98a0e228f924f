/** A client as its events tell of it. */
export interface Attendee {
  /** Its id. One that has none gets the name of its connection, and has to keep it. */
  readonly id: string | undefined;
  /** What it speaks; undefined until that is known, and as long as it has no events. */
  readonly protocol: string | undefined;
  /** What it subscribes to. */
  topics(): Iterable<string>;
  /** Where the number of its connection is kept. */
  readonly seat: {
    readonly address: string | undefined;
    /** The number of its connection in its events; 0 if none has told of it. */
    connection: number;
  };
}

/** The clients that are connected to this manager. */
export interface Attendance {
  /** Calls `visit` for each client that is connected. */
  forEach(visit: (client: Attendee) => void): void;
}
