import { type CloseCode, closeCodes, foreignCloseCodes } from "../../src/wire/close-codes.ts";

/** How a connection ended, as the browser tells it. */
export interface Closing {
  /** The close code. */
  readonly code: number;
  /** The close frame's reason; empty if there was none. */
  readonly reason: string;
  /** What the ERROR frame before it said, if there was one. */
  readonly refusal?: string | undefined;
  /** False when it was never established: the manager was not there, or refused the handshake. */
  readonly opened: boolean;
  /** Why it was not established, as far as the page could find out by asking over HTTP. */
  readonly diagnosis?: string | undefined;
}

/** What the manager answers over HTTP at the address of its WebSocket, as far as it came. */
export interface HttpAnswer {
  /** The answer's HTTP status. */
  readonly status: number;
  /** Empty if it is no plain text. */
  readonly text: string;
}

/** Longer answers are of something else. */
const reasonCharsMax = 300;

/** Whether it is what the manager tells those that do not ask for a WebSocket: something in between does not pass Upgrade on. */
export function isWithoutUpgrade(answer: HttpAnswer | undefined): boolean {
  return answer?.status === 426;
}

/** Why a WebSocket does not come about, by the answer to an ordinary request to the same address; undefined: there was none. */
export function diagnosisOf(answer: HttpAnswer | undefined): string {
  if (answer === undefined) return "The manager cannot be reached";
  const { status, text } = answer;
  if (text !== "" && text.length <= reasonCharsMax) return `The manager refused: ${text.trim()}`;
  return `Not the manager, but something in front of it answers (HTTP ${status})`;
}

type Meaning = Pick<CloseCode, "reconnect" | "words">;

/** The backoff attempt to begin with: a manager that said "not now" or "not so" is not asked again at once. */
const attempts = { soon: 0, later: 4, corrected: 4 } as const;

/** What each code means. Where two share a code, the first in the list counts. */
const meanings: ReadonlyMap<number, Meaning> = new Map(
  [...Object.values<CloseCode>(closeCodes), ...foreignCloseCodes].reverse().map((each) => [each.code, each]),
);

function meaningOf(code: number): Meaning {
  const unknown = {
    words: "The manager closed the connection",
    reconnect: code < 4000 ? "soon" : "later",
  } as const;
  return meanings.get(code) ?? unknown;
}

/** The backoff attempt to begin with after this closing. */
export function firstAttemptAfter({ code }: Closing): number {
  return attempts[meaningOf(code).reconnect];
}

/** What happened, for people, with the code and the manager's own words for those who look them up. */
export function closingInWords({ code, reason, refusal, opened, diagnosis }: Closing): string {
  if (refusal !== undefined) return `The manager refused: ${refusal}`;
  if (!opened && code === 1006) return diagnosis ?? "The manager cannot be reached";
  // 1006 is the browser's own code for a connection that ended without a close frame: nothing more can be looked up.
  if (code === 1006 && reason === "") return meaningOf(code).words;
  return `${meaningOf(code).words} (${code}${reason === "" ? "" : `: ${reason}`})`;
}
