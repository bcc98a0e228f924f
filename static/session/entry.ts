import { copied } from "./excerpt.ts";

/**
 * How far an own message has come:
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

/** The details of a message, which are shown when it is opened. */
interface Opened {
  readonly topic: string;
  /** The beginning of the body: `keptCharsMax` characters, or `keptBytesMax` bytes. */
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** A message that this page sent. */
export interface OwnEntry extends Common, Opened {
  /** The person's own message. */
  readonly kind: "own";
  /** What was written. */
  readonly text: string;
  state: OwnState;
  /** When it was sent, in milliseconds since 1970. */
  sentAtMs: number;
  /** When the broker confirmed it; undefined before. */
  confirmedAtMs: number | undefined;
  /** When its answer came; undefined before. */
  processedAtMs: number | undefined;
  /** Its headers in the log, with the id and the sender that the manager set. Undefined until it came back. */
  cameBackWith: Readonly<Record<string, string>> | undefined;
}

/** A message of someone else. */
interface Received extends Common, Opened {
  /** Whether it was addressed to this client alone. */
  readonly isDirect: boolean;
}

/** A message of another client. */
export interface OtherEntry extends Received {
  /** Another client's message. */
  readonly kind: "other";
  /** What it says. */
  readonly text: string;
}

/** A message of a processor. */
export interface ProcessedEntry extends Received {
  /** An answer of a handler. */
  readonly kind: "processed";
  /** What it says. */
  readonly text: string;
  /** Whether it answers a message that this page sent. */
  readonly answersOwn: boolean;
}

/** A message that is not text. */
export interface BinaryEntry extends Received {
  /** A message that is no text. */
  readonly kind: "binary";
  /** How large it is, in bytes. */
  readonly sizeBytes: number;
  /** Its first bytes, as hexadecimal numbers. */
  readonly preview: string;
}

/** Something that happened to the connection. */
export interface EventEntry extends Common {
  /** What happened to the connection or the topic. */
  readonly kind: "event";
  /** What happened, in words. */
  readonly text: string;
}

/** The manager's log no longer has the messages that came while the page was away, or it is another log. */
export interface MissingEntry extends Common {
  /** Some messages are missing here. */
  readonly kind: "missing";
}

/** Messages that came faster than anyone reads. They are folded, and shown on request. */
export interface GapEntry extends Common {
  /** Some messages are folded here. */
  readonly kind: "gap";
  /** These messages, the oldest first. */
  readonly folded: ReceivedEntry[];
}

/** A message that came from someone else. */
export type ReceivedEntry = OtherEntry | ProcessedEntry | BinaryEntry;
/** Entries that are messages. */
export type MessageEntry = OwnEntry | ReceivedEntry;
/** One line of the log on the page. */
export type Entry = OwnEntry | ReceivedEntry | EventEntry | MissingEntry | GapEntry;

/** The header by which the page knows its own messages when they come back: its page id, a dot and a number. */
export const ownHeader = "page-message";

/** The built-in handler's answer begins with this. Programs that publish without an id may answer like it. */
export const processedPrefix = "processed message: ";

/** How much of a message's text is kept for its details, in characters. */
export const keptCharsMax = 16_384;
/** The same for bytes. */
export const keptBytesMax = 4096;

/** The part of a body that is kept. */
export function keptOf(body: string | Uint8Array): string | Uint8Array {
  if (typeof body !== "string") return body.slice(0, keptBytesMax);
  return body.length <= keptCharsMax ? body : copied(body.slice(0, keptCharsMax));
}

/** A message that came from someone else. */
export interface ReceivedMessage {
  /** Text, or bytes. */
  readonly body: string | Uint8Array;
  /** The topic that it came on. */
  readonly topic: string;
  /** Whether it was addressed to this client. */
  readonly isDirect: boolean;
  /** The frame's headers. */
  readonly headers: Readonly<Record<string, string>>;
}
