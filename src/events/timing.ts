/** How often a manager does its rounds; the defaults suit production, tests shorten them. In milliseconds. */
export interface EventsTiming {
  /** The time between two heartbeats, and between two looks at those of the others. */
  readonly beatMs: number;
  /** The time between two snapshots. */
  readonly snapshotMs: number;
  /** The time between two snapshots where the log may lack something. */
  readonly doubtMs: number;
  /** How long a manager waits for one that knows all others, before it looks into the log. */
  readonly settleMs: number;
  /** Rounds that are so far apart mean that this process stood still, and could not hear the others. */
  readonly stoodStillMs: number;
}

/** The timing unless another one is given. */
export const defaultEventsTiming: EventsTiming = {
  beatMs: 2000,
  snapshotMs: 300_000,
  doubtMs: 10_000,
  settleMs: 5000,
  stoodStillMs: 6000,
};
