/**
 * How far a message of one's own came:
 *
 * - `waiting`: written, the manager is not connected
 * - `sent`: given to the connection
 * - `unsure`: sent, but the connection was lost before it was confirmed
 * - `refused`: the manager did not take it
 * - `confirmed`: the broker has it
 * - `processed`: the processor's answer came back
 */
export type OwnState = "waiting" | "sent" | "unsure" | "refused" | "confirmed" | "processed";

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

/** What came from elsewhere. */
interface Received extends Common {
  readonly topic: string;
  /** It was addressed to this client, whatever its topics. */
  readonly isDirect: boolean;
}

export interface OtherEntry extends Received {
  readonly kind: "other";
  readonly text: string;
}

export interface ProcessedEntry extends Received {
  readonly kind: "processed";
  readonly text: string;
  /** Whether it answers a message that this page sent. */
  readonly answersOwn: boolean;
}

export interface BinaryEntry extends Received {
  readonly kind: "binary";
  readonly sizeBytes: number;
  readonly preview: string;
}

/** Something that happened to the connection. */
export interface EventEntry extends Common {
  readonly kind: "event";
  readonly text: string;
}

/** The manager's log no longer has what came while the page was away, or it is another log. */
export interface MissingEntry extends Common {
  readonly kind: "missing";
}

/** Messages that came faster than anyone reads: counted instead of shown. */
export interface GapEntry extends Common {
  readonly kind: "gap";
  count: number;
}

export type ReceivedEntry = OtherEntry | ProcessedEntry | BinaryEntry;
export type Entry = OwnEntry | ReceivedEntry | EventEntry | MissingEntry | GapEntry;

/** The built-in handler's answer begins with this. */
export const processedPrefix = "processed message: ";
