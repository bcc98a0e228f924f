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

/** What a message is made of, for those who open it. */
interface Opened {
  readonly topic: string;
  /** As far as it is kept: `keptCharsMax` characters, or `keptBytesMax` bytes. */
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** A message that this page sent. */
export interface OwnEntry extends Common, Opened {
  readonly kind: "own";
  readonly text: string;
  state: OwnState;
  sentAtMs: number;
  /** Undefined until the broker has it. */
  confirmedAtMs: number | undefined;
  /** Undefined until its answer is there. */
  processedAtMs: number | undefined;
  /** Its headers as the log has them, with the id and the sender that the manager gave it. Undefined until it came back. */
  cameBackWith: Readonly<Record<string, string>> | undefined;
}

/** What came from elsewhere. */
interface Received extends Common, Opened {
  /** It was addressed to this client, whatever its topics. */
  readonly isDirect: boolean;
}

/** A message of another client. */
export interface OtherEntry extends Received {
  readonly kind: "other";
  readonly text: string;
}

/** A message of a processor. */
export interface ProcessedEntry extends Received {
  readonly kind: "processed";
  readonly text: string;
  /** Whether it answers a message that this page sent. */
  readonly answersOwn: boolean;
}

/** A message that is not text. */
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

/** Messages that came faster than anyone reads: folded, to be opened by those who want to see them. */
export interface GapEntry extends Common {
  readonly kind: "gap";
  readonly folded: ReceivedEntry[];
}

/** What came from others. */
export type ReceivedEntry = OtherEntry | ProcessedEntry | BinaryEntry;
/** Entries that are messages. */
export type MessageEntry = OwnEntry | ReceivedEntry;
/** One line of the log on the page. */
export type Entry = OwnEntry | ReceivedEntry | EventEntry | MissingEntry | GapEntry;

/** The header by which the page knows its own messages when they come back: its page id, a dot and a number. */
export const ownHeader = "page-message";

/** The built-in handler's answer begins with this. */
export const processedPrefix = "processed message: ";

/** What is kept of a message's text for those who open it. */
export const keptCharsMax = 16_384;
/** What is kept of a message's bytes. */
export const keptBytesMax = 4096;

/** As much of a body as is kept. */
export function keptOf(body: string | Uint8Array): string | Uint8Array {
  return typeof body === "string" ? body.slice(0, keptCharsMax) : body.slice(0, keptBytesMax);
}
