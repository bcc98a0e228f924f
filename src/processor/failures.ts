import { reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Logger } from "../ops/logger.ts";

/** How often failures of one kind are reported at most, in milliseconds. */
const everyMs = 1000;
/** Kinds that are remembered; then the one that was reported longest ago is forgotten. */
const kindsMax = 100;
/** Frames of a stack that are reported. */
const framesMax = 10;
/** Characters of one frame, and of a reason. */
const charactersMax = 1000;

/** What is needed to mend a handler. */
export interface Report {
  readonly reason: string;
  /** FILE:LINE:COLUMN of the innermost frame that is the handler's own; absent for what was thrown without a stack. */
  readonly at: string | undefined;
  /** The frames that are not Warren's or Bun's own, one a line. */
  readonly stack: string | undefined;
}

/** Reports failing handlers: the first failure of a kind, then one a second with how many there were. */
export class Failures {
  readonly #group: string;
  readonly #logger: Logger;
  /** The least recently reported first. */
  readonly #kinds = new Map<string, { reportedAt: number; since: number }>();

  constructor(group: string, logger: Logger) {
    this.#group = group;
    this.#logger = logger;
  }

  readonly report = (error: unknown, message: Message, attempt: number): void => {
    const report = reportOf(error);
    // What differs in a text from message to message is mostly a name or a number.
    const kind = report.at ?? report.reason.replaceAll(/\d+/g, "0").slice(0, 200);
    const known = this.#kinds.get(kind);
    const now = performance.now();
    if (known !== undefined && now - known.reportedAt < everyMs) {
      known.since++;
      return;
    }
    this.#kinds.delete(kind);
    this.#kinds.set(kind, { reportedAt: now, since: 0 });
    if (this.#kinds.size > kindsMax) this.#kinds.delete(this.#kinds.keys().next().value!);
    this.#logger.warn("handler failed", {
      ...report,
      topic: message.topic,
      group: this.#group,
      message: message.id,
      client: message.clientId,
      attempt,
      failuresSinceLast: known === undefined || known.since === 0 ? undefined : known.since,
    });
  };
}

/** Of whatever was thrown. */
export function reportOf(thrown: unknown): Report {
  const frames = stackOf(thrown)
    .split("\n")
    .map((line) => line.trim().slice(0, charactersMax))
    .filter(isHandlers);
  const innermost = frames.find((frame) => !frame.includes("/node_modules/")) ?? frames[0];
  return {
    reason: reasonOf(thrown).slice(0, charactersMax),
    at: innermost === undefined ? undefined : placeOf(innermost),
    stack: frames.length === 0 ? undefined : frames.slice(0, framesMax).join("\n"),
  };
}

/** A getter that throws must not turn a report into a failure of its own. */
function stackOf(thrown: unknown): string {
  try {
    return thrown instanceof Error && typeof thrown.stack === "string" ? thrown.stack : "";
  } catch {
    return "";
  }
}

/** Warren's own modules; in the executable their paths are relative. */
const ownFolder = import.meta.dir.replace(/processor$/, "");

/** Whether a line of a stack is a frame in a file on disk that is not Warren's. */
function isHandlers(line: string): boolean {
  if (!line.startsWith("at ")) return false;
  const place = placeOf(line);
  return place !== undefined && !place.startsWith(ownFolder) && !place.startsWith("/$bunfs/");
}

/** `FILE:LINE:COLUMN` with an absolute path. */
function placeOf(frame: string): string | undefined {
  return /(?:^at |\()((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/]).+:\d+:\d+)\)?$/.exec(frame)?.[1];
}
