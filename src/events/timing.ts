/** How often a manager does its regular work. The defaults suit production; tests shorten them. In milliseconds. */
export interface EventsTiming {
  /** The time between two heartbeats, and between two checks of the others'. */
  readonly beatMs: number;
  /** The time between two snapshots. */
  readonly snapshotMs: number;
  /** The time between two snapshots while the log may lack something. */
  readonly doubtMs: number;
  /** How long a manager waits for one that knows all others, before it searches the log. */
  readonly settleMs: number;
  /** If two rounds are this far apart, this process stood still and could not hear the others. */
  readonly stoodStillMs: number;
}

/** The timing unless other values are given. */
export const defaultEventsTiming: EventsTiming = {
  beatMs: 2000,
  snapshotMs: 300_000,
  doubtMs: 10_000,
  settleMs: 5000,
  stoodStillMs: 6000,
};
