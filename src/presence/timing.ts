/** The timing of presence. The defaults suit production; tests shorten them. In milliseconds. */
export interface PresenceTiming {
  /** The least time between two messages about changes, from a publisher, and from a watching manager to its clients. */
  readonly gatherMs: number;
  /** The least time between two scans of all clients for newly watched topics. */
  readonly scanEveryMs: number;
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
  scanEveryMs: 100,
  answerMsMax: 1000,
  lingerMs: 10_000,
  resendEveryMs: 1000,
};
