/** The timing of presence. The defaults suit production; tests shorten them. In milliseconds. */
export interface PresenceTiming {
  /** The least time between two messages about changes, from a publisher, and from a watching manager to its clients. */
  readonly gatherMs: number;
  /** Scans of all clients for newly watched topics take a tenth of the time at most. They may take that of this many milliseconds at once. */
  readonly scanAheadMs: number;
  /** How long managers may take to send their members. Those that have not are named to clients. */
  readonly answerMsMax: number;
  /** How long an unwatched topic is kept, so that clients that come back need not wait. */
  readonly lingerMs: number;
  /** The least time between two requests to a publisher to send everything again. */
  readonly resendEveryMs: number;
}

/** The timing unless other values are given. */
export const defaultPresenceTiming: PresenceTiming = {
  gatherMs: 50,
  scanAheadMs: 500,
  answerMsMax: 1000,
  lingerMs: 10_000,
  resendEveryMs: 1000,
};
