import { type CloseCode, closeCodes, foreignCloseCodes } from "../../src/wire/close-codes.ts";

/** How a connection ended, according to the browser. */
export interface Closing {
  /** The close code. */
  readonly code: number;
  /** The close frame's reason; empty if there was none. */
  readonly reason: string;
  /** The message of the ERROR frame before it, if there was one. */
  readonly refusal?: string | undefined;
  /** False if it was never established: the manager was not reachable, or refused the handshake. */
  readonly opened: boolean;
  /** Why it was not established, as far as an HTTP request could tell. */
  readonly diagnosis?: string | undefined;
}

/** The answer to an ordinary HTTP request to the address of the WebSocket. */
export interface HttpAnswer {
  /** The answer's HTTP status. */
  readonly status: number;
  /** The body; empty if it is not plain text. */
  readonly text: string;
}

/** A longer answer is not the manager's. */
const reasonCharsMax = 300;

/** Whether the manager says that this is no WebSocket request. Then a proxy in between does not pass the Upgrade header on. */
export function isWithoutUpgrade(answer: HttpAnswer | undefined): boolean {
  return answer?.status === 426;
}

/** Why a WebSocket cannot be opened, judged by the answer to an ordinary request to the same address; undefined if nothing answered. */
export function diagnosisOf(answer: HttpAnswer | undefined): string {
  if (answer === undefined) return "The manager cannot be reached";
  const { status, text } = answer;
  if (text !== "" && text.length <= reasonCharsMax) return `The manager refused: ${text.trim()}`;
  return `Something in front of the manager answers instead of it (HTTP ${status})`;
}

type Meaning = Pick<CloseCode, "reconnect" | "words">;

/** The backoff attempt to start from. A manager that has refused the client is not asked again at once. */
const attempts = { soon: 0, later: 4, corrected: 4 } as const;

/** The meaning of each close code. If two entries share a code, the first one counts. */
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

/** The backoff attempt to start from after this closing. */
export function firstAttemptAfter({ code }: Closing): number {
  return attempts[meaningOf(code).reconnect];
}

/** Tells a person what happened, with the close code and the manager's reason. */
export function closingInWords({ code, reason, refusal, opened, diagnosis }: Closing): string {
  if (refusal !== undefined) return `The manager refused: ${refusal}`;
  if (!opened && code === 1006) return diagnosis ?? "The manager cannot be reached";
  // 1006 is the browser's own code for a connection that ended without a close frame, so it explains nothing.
  if (code === 1006 && reason === "") return meaningOf(code).words;
  return `${meaningOf(code).words} (${code}${reason === "" ? "" : `: ${reason}`})`;
}
