/**
 * How far a message of one's own came:
 *
 * - `waiting`: written, the manager is not connected (or on another topic)
 * - `sent`: given to the connection
 * - `unsure`: sent, but the connection was lost before an answer came
 * - `processed`: the processor's answer came back
 */
export type OwnState = "waiting" | "sent" | "unsure" | "processed";

interface Common {
  readonly id: number;
  readonly atMs: number;
}

export interface OwnEntry extends Common {
  readonly kind: "own";
  readonly text: string;
  readonly topic: string;
  state: OwnState;
  sentAtMs: number;
  tookMs: number;
}

export interface OtherEntry extends Common {
  readonly kind: "other";
  readonly text: string;
}

export interface ProcessedEntry extends Common {
  readonly kind: "processed";
  readonly text: string;
  /** Whether it answers a message that this page sent. */
  readonly answersOwn: boolean;
}

export interface BinaryEntry extends Common {
  readonly kind: "binary";
  readonly sizeBytes: number;
  readonly preview: string;
}

/** Something that happened to the connection. */
export interface EventEntry extends Common {
  readonly kind: "event";
  readonly text: string;
}

/** Messages that came faster than anyone reads: counted instead of shown. */
export interface GapEntry extends Common {
  readonly kind: "gap";
  count: number;
}

export type Entry = OwnEntry | OtherEntry | ProcessedEntry | BinaryEntry | EventEntry | GapEntry;

/** The built-in handler's answer begins with this. */
export const processedPrefix = "processed message: ";
