import { innerErrors, reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Logger } from "../ops/logger.ts";

/** The least time between two reports of one kind of failure, in milliseconds. */
const everyMs = 1000;
/** How many kinds are remembered. Then the one that was reported longest ago is forgotten. */
const kindsMax = 100;
/** How many frames of a stack are reported. */
const framesMax = 10;
/** How many of these are the error's own if it has a cause. */
const ownFramesMax = 5;
/** How many causes of causes are followed. */
const causesMax = 3;
/** How many characters of a frame, and of a reason, are reported. */
const charactersMax = 1000;
/** How many characters of a stack are looked at: its last ones, since what comes first is the error's message, of any length. */
const stackCharactersMax = 65_536;

/** What helps to mend a handler. */
export interface Report {
  /** The error's message. */
  readonly reason: string;
  /** FILE:LINE:COLUMN of the handler's innermost frame; absent if what was thrown has no stack. */
  readonly at: string | undefined;
  /** The frames that are not Warren's or Bun's, one a line. The frames of a cause follow a line that names it. */
  readonly stack: string | undefined;
}

/** Reports failing handlers: the first failure of each kind at once, then once a second with the number of failures. */
export class Failures {
  readonly #group: string;
  readonly #logger: Logger;
  /** The kinds, the least recently reported first. */
  readonly #kinds = new Map<string, { reportedAt: number; since: number }>();

  constructor(group: string, logger: Logger) {
    this.#group = group;
    this.#logger = logger;
  }

  readonly report = (error: unknown, message: Message, attempt: number): void => {
    const report = reportOf(error);
    // What differs between such texts is mostly a name or a number.
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

/** Describes whatever was thrown. */
export function reportOf(thrown: unknown): Report {
  const frames = framesOf(thrown, 0);
  const places = frames.filter((line) => line.startsWith("at "));
  const innermost = places.find((frame) => !frame.includes("/node_modules/")) ?? places[0];
  return {
    reason: reasonOf(thrown).slice(0, charactersMax),
    at: innermost === undefined ? undefined : placeOf(innermost),
    stack: places.length === 0 ? undefined : frames.slice(0, framesMax).join("\n"),
  };
}

/** The handler's frames, followed by those of the error's cause: the origin may be only there. */
function framesOf(thrown: unknown, depth: number): readonly string[] {
  const own = stackOf(thrown)
    .split("\n")
    .map((line) => line.trim().slice(0, charactersMax))
    .filter(isHandlers);
  const inner = depth < causesMax ? innerOf(thrown) : undefined;
  const theirs = inner === undefined ? [] : framesOf(inner, depth + 1);
  if (own.length === 0 || theirs.length === 0) return [...own, ...theirs];
  return [...own.slice(0, ownFramesMax), `caused by: ${reasonOf(inner).slice(0, charactersMax)}`, ...theirs];
}

/** An error's cause, or the first of the errors that it aggregates. */
function innerOf(thrown: unknown): unknown {
  try {
    return thrown instanceof Error ? (thrown.cause ?? innerErrors(thrown)[0]) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The stack without the error's message, which may quote a client, and so may have lines that look like frames. A getter that throws must
 * not make reporting fail.
 */
function stackOf(thrown: unknown): string {
  try {
    const { stack, message } = (thrown ?? {}) as { readonly stack?: unknown; readonly message?: unknown };
    if (typeof stack !== "string") return "";
    const at = typeof message === "string" ? stack.indexOf(message) : -1;
    return (at < 0 ? stack : stack.slice(at + String(message).length)).slice(-stackCharactersMax);
  } catch {
    return "";
  }
}

/** The folder of Warren's own modules. In the executable, their paths are relative. */
const ownFolder = import.meta.dir.replace(/processor$/, "");

/** Whether a line of a stack is a frame of a file on disk that is not Warren's. */
function isHandlers(line: string): boolean {
  if (!line.startsWith("at ")) return false;
  const place = placeOf(line);
  return place !== undefined && !place.startsWith(ownFolder) && !place.startsWith("/$bunfs/");
}

/** `FILE:LINE:COLUMN` with an absolute path. */
function placeOf(frame: string): string | undefined {
  return /(?:^at |\()((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/]).+:\d+:\d+)\)?$/.exec(frame)?.[1];
}
