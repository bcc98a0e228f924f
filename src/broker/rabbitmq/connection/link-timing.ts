import type { BackoffLimits } from "../../../backoff.ts";

/** When groups are looked at, in milliseconds. */
export interface GroupWatchTiming {
  /** The time of the first look after a connection was opened: processors that start together with this manager are there by then. */
  readonly firstLookMs: number;
  /** How long it is from the end of one look to the next, after the first ones. */
  readonly lookEveryMs: number;
}

/** How a link to RabbitMQ behaves; the defaults suit production, tests shorten them. */
export interface LinkTiming {
  /** Heartbeat that is asked for, in seconds: a frozen broker is given up after two to three of them. */
  readonly heartbeatSeconds: number;
  /** How long connecting may take, and then the answer to each question until all is declared, in milliseconds. */
  readonly openTimeoutMs: number;
  /** How long the answer to any question after that may take, unless RabbitMQ takes no messages, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** How long what was published may wait for its confirm before that is told, in milliseconds. */
  readonly unconfirmedAfterMs: number;
  /** How long closing may take before the socket is simply dropped, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** The waits between attempts to connect. */
  readonly backoff: BackoffLimits;
  /** A follower that has got nothing for the first time asks the log for a sign, and again after the second one, in milliseconds. */
  readonly markAfterMs: number;
  /** How long a mark waits for an answer before it is written once more. */
  readonly markAgainAfterMs: number;
  /** What has gone is left missing for this time, in which all publishers notice it, in milliseconds. */
  readonly missedForMs: number;
  /** A connection that lived this long counts as good: the next wait is a short one again. In milliseconds. */
  readonly goodAfterMs: number;
  /** When a manager looks for groups that nobody consumes any more. */
  readonly groups: GroupWatchTiming;
}

/** The timing unless another one is given. */
export const defaultTiming: LinkTiming = {
  heartbeatSeconds: 10,
  openTimeoutMs: 10_000,
  answerTimeoutMs: 30_000,
  unconfirmedAfterMs: 10_000,
  closeTimeoutMs: 2000,
  // Well under the 5 s within which delivery resumes, since the links of several processes wait, each for itself.
  backoff: { firstMs: 200, mostMs: 2000 },
  markAfterMs: 30_000,
  markAgainAfterMs: 2000,
  missedForMs: 300,
  goodAfterMs: 5000,
  groups: { firstLookMs: 30_000, lookEveryMs: 60_000 },
};
