/** A processor group whose queue the broker keeps although nobody consumes it any more. */
export interface AbandonedGroup {
  /** Its name. */
  readonly group: string;
  /** How many messages wait in its queue. */
  readonly messages: number;
  /** When one of its processors was last known to run, in milliseconds since 1970; undefined if that is unknown. */
  readonly seenMs: number | undefined;
}

/** A group without a processor for longer than this counts as abandoned, in milliseconds. */
export const abandonedAfterMs = 15 * 60_000;
