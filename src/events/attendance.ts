import type { LoopTime } from "../ops/loop-time.ts";

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

/** A scan of all clients, which may take several turns of the event loop. */
export interface ClientScan {
  /** How long it took in milliseconds, without the other work between its turns. */
  readonly tookMs: number;
  /** Whether this client is not scanned yet. All that it subscribes to until then will be seen. */
  isAheadOf(client: Attendee): boolean;
  /** The client has disconnected. */
  leaveOut(client: Attendee): void;
  /** Ends it: no more clients are scanned, and it is never done. */
  stop(): void;
}

/** The clients that are connected to this manager. */
export interface Attendance {
  /** Calls `visit` for each client that is connected. */
  forEach(visit: (client: Attendee) => void): void;
}

/** The same, for code that scans all clients whenever a stranger causes it to. */
export interface AttendanceByTurns extends Attendance {
  /** Shares out the event loop's time. Not to be asked for before there are clients. */
  readonly loop: LoopTime;
  /**
   * Scans all clients that are connected now, by turns with everything else.
   *
   * @param see called with each of them, except those that are left out because they have disconnected
   * @param onDone called after the last one, in a later turn of the event loop
   */
  scan(see: (client: Attendee) => void, onDone: () => void): ClientScan;
}
