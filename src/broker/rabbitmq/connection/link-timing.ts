import type { BackoffLimits } from "../../../backoff.ts";

/** When groups are checked, in milliseconds. */
export interface GroupWatchTiming {
  /** The time of the first check after a connection was opened. Processors that start together with this manager are running by then. */
  readonly firstLookMs: number;
  /** The time from the end of one check to the next. */
  readonly lookEveryMs: number;
}

/** How publishing waits while a queue is full, in milliseconds. */
export interface FullQueueTiming {
  /** How often the full queue is checked. */
  readonly lookEveryMs: number;
  /** If no queue shows that it has room, a message is tried after this time, and after twice as long the next time. */
  readonly tryFirstMs: number;
  /** A full queue takes a message now and then. It counts as having room after this time without a refusal. */
  readonly calmMs: number;
}

/** How a link to RabbitMQ behaves. The defaults suit production; tests shorten them. */
export interface LinkTiming {
  /** The heartbeat that is requested, in seconds. A frozen broker is given up after two to three of them. */
  readonly heartbeatSeconds: number;
  /** How long connecting may take, and then each answer until everything is declared, in milliseconds. */
  readonly openTimeoutMs: number;
  /** How long any later answer may take, unless RabbitMQ takes no messages, in milliseconds. */
  readonly answerTimeoutMs: number;
  /** After this time without a confirm a warning is logged, in milliseconds. */
  readonly unconfirmedAfterMs: number;
  /** How long closing may take before the socket is dropped, in milliseconds. */
  readonly closeTimeoutMs: number;
  /** The waits between attempts to connect. */
  readonly backoff: BackoffLimits;
  /** A follower that has got nothing for one to two of these intervals writes a mark to check the log, in milliseconds. */
  readonly markAfterMs: number;
  /** How long a mark waits for its return before it is written again, in milliseconds. */
  readonly markAgainAfterMs: number;
  /** How long a queue or exchange that has gone stays missing, so that all publishers notice it, in milliseconds. */
  readonly missedForMs: number;
  /** A connection that lasted this long counts as good: the next wait is a short one again. In milliseconds. */
  readonly goodAfterMs: number;
  /** When a manager checks for groups that nobody consumes any more. */
  readonly groups: GroupWatchTiming;
  /** How publishing waits while a queue is full. */
  readonly fullQueue: FullQueueTiming;
}

/** The timing unless other values are given. */
export const defaultTiming: LinkTiming = {
  heartbeatSeconds: 10,
  openTimeoutMs: 10_000,
  answerTimeoutMs: 30_000,
  unconfirmedAfterMs: 10_000,
  closeTimeoutMs: 2000,
  // Well under the 5 s within which delivery resumes, since the links of several processes each wait this long.
  backoff: { firstMs: 200, mostMs: 2000 },
  markAfterMs: 30_000,
  markAgainAfterMs: 2000,
  missedForMs: 300,
  goodAfterMs: 5000,
  groups: { firstLookMs: 30_000, lookEveryMs: 60_000 },
  fullQueue: { lookEveryMs: 1000, tryFirstMs: 2000, calmMs: 5000 },
};
