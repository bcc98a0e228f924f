/** How a connection ended, as the browser tells it. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
  /** False when it was never established: the manager was not there, or refused the handshake. */
  readonly opened: boolean;
}

interface Meaning {
  readonly words: string;
  /** The backoff attempt to begin with: a manager that said "not now" is not asked again at once. */
  readonly attempt: number;
}

const patient = 4;

/** RFC 6455 section 7.4.1 and the IANA registry, in words that say what happened here. */
const meanings: Readonly<Record<number, Meaning>> = {
  1000: { words: "The manager closed the connection", attempt: 0 },
  1001: { words: "The manager is shutting down or restarting", attempt: 0 },
  1002: { words: "The manager did not understand this page", attempt: patient },
  1003: { words: "The manager does not take this kind of message", attempt: 0 },
  1006: { words: "The connection was lost", attempt: 0 },
  1007: { words: "A message was not valid text", attempt: 0 },
  1008: { words: "The manager does not allow this connection", attempt: patient },
  1009: { words: "A message was too large for the manager", attempt: 0 },
  1011: { words: "The manager met a fault of its own", attempt: 1 },
  1012: { words: "The manager is restarting", attempt: 0 },
  1013: { words: "The manager is too busy just now", attempt: patient },
};

function meaningOf(code: number): Meaning {
  const known = meanings[code];
  if (known !== undefined) return known;
  return { words: "The manager closed the connection", attempt: code >= 4000 ? patient : 0 };
}

/** The backoff attempt to begin with after this closing. */
export function firstAttemptAfter({ code }: Closing): number {
  return meaningOf(code).attempt;
}

/** What happened, for people, with the code and the manager's own words for those who look them up. */
export function closingInWords({ code, reason, opened }: Closing): string {
  if (!opened) return "The manager cannot be reached";
  // 1006 is the browser's own "nobody said goodbye" and looks up to nothing.
  if (code === 1006 && reason === "") return meaningOf(code).words;
  return `${meaningOf(code).words} (${code}${reason === "" ? "" : `: ${reason}`})`;
}
