import type { Message } from "../message.ts";
import type { Logger } from "../ops/logger.ts";
import { Hopeless } from "./attempts.ts";
import type { Call } from "./call.ts";
import { Cell, Death, Ended } from "./cell.ts";
import type { HandlerMessage } from "./handler.ts";
import type { Place } from "./lanes.ts";
import { quarantinedFlag, type Verdict } from "./quarantined.ts";

/** After this time without work a process is ended, in milliseconds. */
const idleMs = 10_000;
/** A process in which this many handlers go on after their timeout gets no more messages. */
const outlivedMax = 16;

/** A message that waits to be handled alone, after a death. */
interface Waiting {
  readonly death: Death;
  /** Called with whether it is its turn; if not, it may go back to the others. */
  readonly called: (isItsTurn: boolean) => void;
}

/**
 * Handles suspects: messages whose processor has died more than once while it held them. Most of them are innocent, so they are handled
 * side by side, as in the processor itself, but in another process. When that dies, the messages that it had are handled one after another
 * in a third process, the one that began last first, until the culprit is found. That one fails at once, like any other bad message,
 * without harm to this process or to the messages in the same pack. The rest go back to the shared process.
 *
 * `handle` rejects if the message kills its process, fails, or takes too long.
 */
export class Quarantine {
  readonly #command: readonly string[];
  readonly #timeoutMs: number;
  readonly #logger: Logger;
  /** The process in which suspects are handled side by side, and the one for a single suspect. */
  #shared: Cell | undefined;
  #single: Cell | undefined;
  /** Processes that get no more messages, and are ended when they have finished theirs. */
  readonly #retired = new Set<Cell>();
  readonly #queue: Waiting[] = [];
  #isSingleTaken = false;
  #inHand = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param command starts the process; see `serveQuarantined` */
  constructor(command: readonly string[], timeoutMs: number, logger: Logger) {
    this.#command = command;
    this.#timeoutMs = timeoutMs;
    this.#logger = logger;
  }

  /** Handles a suspect. It releases its place while it waits to be handled alone, so that others need not wait. */
  readonly handle = async (
    message: HandlerMessage,
    call: Call,
    place: Pick<Place, "leaveUntil">,
  ): Promise<void> => {
    this.#inHand++;
    clearTimeout(this.#idleTimer);
    try {
      check(await this.#verdict(message, call, place));
    } finally {
      if (--this.#inHand === 0) this.#idleTimer = setTimeout(() => this.#endAll(), idleMs);
    }
  };

  /** Ends the processes. Messages that they have get no verdict. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    this.#endAll();
  }

  #endAll(): void {
    for (const cell of [this.#shared, this.#single, ...this.#retired]) cell?.end();
    this.#shared = undefined;
    this.#single = undefined;
    this.#retired.clear();
  }

  async #verdict(message: Message, call: Call, place: Pick<Place, "leaveUntil">): Promise<Verdict> {
    for (;;) {
      if (this.#isClosed) await never;
      const found = await diedOf(this.#sharedCell().ask(message, call));
      if (found === "ended") continue;
      if (!(found instanceof Death)) return found;
      if (!(await this.#turn(found, place))) continue;
      try {
        if (this.#isClosed) await never;
        return await this.#verdictAlone(message, call, found);
      } finally {
        this.#isSingleTaken = false;
        this.#callNext();
      }
    }
  }

  /** Handles the message in a fresh process, so that if the process dies, this message is the cause. */
  async #verdictAlone(message: Message, call: Call, death: Death): Promise<Verdict> {
    const cell = new Cell(this.#command, this.#timeoutMs);
    this.#single = cell;
    try {
      const found = await diedOf(cell.ask(message, call));
      if (found === "ended") throw new Error("the handler's process ended before it had the message");
      if (!(found instanceof Death)) return found;
      death.isSolved = true;
      throw this.#culprit(message, found);
    } finally {
      this.#single = undefined;
      cell.end();
    }
  }

  #culprit({ id, topic, clientId }: Message, { message: reason }: Death): Hopeless {
    this.#logger.warn("a message killed the process that handled it", {
      message: id,
      client: clientId,
      topic,
      reason,
    });
    return new Hopeless(reason);
  }

  /** Waits until the message may be handled alone. Returns false if the culprit was found meanwhile. */
  async #turn(death: Death, place: Pick<Place, "leaveUntil">): Promise<boolean> {
    const called = Promise.withResolvers<boolean>();
    this.#queue.push({ death, called: called.resolve });
    this.#callNext();
    await place.leaveUntil(called.promise);
    return await called.promise;
  }

  #callNext(): void {
    while (!this.#isSingleTaken) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#isSingleTaken = !next.death.isSolved;
      next.called(this.#isSingleTaken);
    }
  }

  #sharedCell(): Cell {
    let cell = this.#shared;
    if (cell !== undefined && cell.outlived >= outlivedMax) {
      this.#retired.add(cell);
      cell = undefined;
    }
    for (const retired of this.#retired) {
      if (retired.inHand > 0) continue;
      retired.end();
      this.#retired.delete(retired);
    }
    if (cell === undefined || cell.isEnded) {
      this.#logger.warn("messages whose processor died more than once are handled in a process of their own");
      cell = new Cell(this.#command, this.#timeoutMs);
    }
    this.#shared = cell;
    return cell;
  }
}

const never = new Promise<never>(() => undefined);

/** The verdict, or why there is none. */
async function diedOf(verdict: Promise<Verdict>): Promise<Verdict | Death | "ended"> {
  try {
    return await verdict;
  } catch (error) {
    if (error instanceof Death) return error;
    if (error instanceof Ended) return "ended";
    throw error;
  }
}

/** @throws Error if the message failed */
function check(verdict: Verdict): void {
  if (verdict === "handled") return;
  const error = new Error(verdict.error);
  if (verdict.stack !== undefined) error.stack = verdict.stack;
  throw error;
}

/**
 * The command that starts such a process: this executable, or Bun with this program.
 *
 * @param handler a file or URL; undefined for the built-in handler
 */
export function quarantineCommand(group: string, handler: string | undefined): readonly string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/") || Bun.main.includes("~BUN");
  const program = isCompiled ? [process.execPath] : [process.execPath, Bun.main];
  return [...program, quarantinedFlag, group, ...(handler === undefined ? [] : [handler])];
}
