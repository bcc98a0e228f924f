import { type CloseCode, closeCodes, foreignCloseCodes } from "../../src/gateway/close-codes.ts";

/** How a connection ended, as the browser tells it. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  /** What the ERROR frame before it said, if there was one. */
  readonly refusal?: string | undefined;
  /** False when it was never established: the manager was not there, or refused the handshake. */
  readonly opened: boolean;
}

type Meaning = Pick<CloseCode, "reconnect" | "words">;

/** The backoff attempt to begin with: a manager that said "not now" or "not so" is not asked again at once. */
const attempts = { soon: 0, later: 4, corrected: 4 } as const;

/** By code. Of those that share one, the first comes last and stays. */
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
export function closingInWords({ code, reason, refusal, opened }: Closing): string {
  if (refusal !== undefined) return `The manager refused: ${refusal}`;
  if (!opened) return "The manager cannot be reached";
  // 1006 is the browser's own "nobody said goodbye" and looks up to nothing.
  if (code === 1006 && reason === "") return meaningOf(code).words;
  return `${meaningOf(code).words} (${code}${reason === "" ? "" : `: ${reason}`})`;
}
