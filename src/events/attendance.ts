/** A client, for its events. */
export interface Attendee {
  /** Its id. A client without one is named after its connection, and has to keep that name. */
  readonly id: string | undefined;
  /** Its protocol; undefined until it is known. Until then it has no events. */
  readonly protocol: string | undefined;
  /** The topics and patterns that it subscribes to. */
  topics(): Iterable<string>;
  /** Stores the number of its connection. */
  readonly seat: {
    readonly address: string | undefined;
    /** The number of its connection in events; 0 if it was not announced. */
    connection: number;
  };
}

/** The clients that are connected to this manager. */
export interface Attendance {
  /** Calls `visit` for each client that is connected. */
  forEach(visit: (client: Attendee) => void): void;
}
