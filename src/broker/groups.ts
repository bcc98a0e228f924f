/** A processor group whose queue is kept by the broker, while nobody consumes it any more. */
export interface AbandonedGroup {
  /** Its name. */
  readonly group: string;
  /** Messages that wait in its queue. */
  readonly messages: number;
  /** When a processor of it was last known to be there, in milliseconds since 1970; undefined if nothing tells. */
  readonly seenMs: number | undefined;
}

/** A group without a processor for longer than this is taken for abandoned, in milliseconds. */
export const abandonedAfterMs = 15 * 60_000;
