import type { Message } from "../message.ts";
import type { Log } from "../ops/log.ts";
import type { Handler } from "./handler.ts";
import { quarantinedFlag, ready, type Verdict } from "./quarantined.ts";

/** The process is ended when it has had nothing to do for so long, in milliseconds. */
const idleMs = 10_000;

/** The process as it is seen from here. */
interface Cell {
  readonly child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  /** What it says next, or how it ended. */
  next: PromiseWithResolvers<Said>;
}
type Said = typeof ready | Verdict;

/**
 * Where suspects are handled: messages whose processor has died more than once while it held them. Each is handled alone, in
 * another process, so that the one that kills is known, fails like any other bad message, and takes nobody with it: not this
 * process, and not those that were packed with it.
 *
 * Its handler rejects when the process ends or takes too long, and a new one is started for the next message.
 */
export class Quarantine {
  readonly #command: readonly string[];
  readonly #timeoutMs: number;
  readonly #log: Log;
  #cell: Cell | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Settles when the last message that was handed in is done. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param command starts the process, by `serveQuarantined` */
  constructor(command: readonly string[], timeoutMs: number, log: Log) {
    this.#command = command;
    this.#timeoutMs = timeoutMs;
    this.#log = log;
  }

  /** One at a time: the others wait, and their time does not count. */
  readonly handle: Handler = (message) => {
    const handled = this.#last.then(() => this.#handleAlone(message));
    this.#last = handled.catch(() => undefined);
    return handled;
  };

  close(): void {
    clearTimeout(this.#idleTimer);
    if (this.#cell !== undefined) this.#end(this.#cell);
  }

  async #handleAlone(message: Message): Promise<unknown> {
    clearTimeout(this.#idleTimer);
    const cell = this.#cell ?? (await this.#start());
    cell.next = Promise.withResolvers();
    const timer = setTimeout(() => {
      cell.next.resolve({ error: `the handler took longer than ${this.#timeoutMs} ms` });
      this.#end(cell);
    }, this.#timeoutMs);
    try {
      cell.child.send({ ...message });
    } catch {
      // It has just ended, of which `onExit` is about to tell.
    }
    const said = await cell.next.promise;
    clearTimeout(timer);
    this.#idleTimer = setTimeout(() => this.close(), idleMs);
    if (said === ready) throw new Error("the handler's process is not what it should be");
    if ("error" in said) {
      this.#log.warn("a message failed in a process of its own", { message: message.id, reason: said.error });
      throw new Error(said.error);
    }
    return said.answers.map(({ body, isToSender }) => (isToSender ? { to: "sender", body } : body));
  }

  /** @throws Error if the process ends before it is ready */
  async #start(): Promise<Cell> {
    this.#log.warn("messages whose processor died are handled one by one in a process of their own");
    const child = Bun.spawn([...this.#command], {
      // A handler in an endless loop does not see that its parent is gone: then the system ends it.
      env: { ...process.env, BUN_OPTIONS: `${process.env["BUN_OPTIONS"] ?? ""} --no-orphans`.trim() },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      serialization: "advanced",
      ipc: (said: Said) => cell.next.resolve(said),
      onExit: (_, exitCode, signal) => {
        if (this.#cell === cell) this.#cell = undefined;
        const how = exitCode === null ? `signal ${signal}` : `exit code ${exitCode}`;
        cell.next.resolve({ error: `the handler ended its process with ${how}` });
      },
    });
    const cell: Cell = { child, next: Promise.withResolvers() };
    this.#cell = cell;
    const said = await cell.next.promise;
    if (said !== ready) throw new Error("error" in said ? said.error : "it speaks before it is asked");
    return cell;
  }

  #end(cell: Cell): void {
    if (this.#cell === cell) this.#cell = undefined;
    cell.child.kill("SIGKILL");
  }
}

/** How this executable, or Bun with this program, is started to be such a process. */
export function quarantineCommand(handlerFile: string | undefined): readonly string[] {
  const isCompiled = Bun.main.startsWith("/$bunfs/") || Bun.main.includes("~BUN");
  const program = isCompiled ? [process.execPath] : [process.execPath, Bun.main];
  return [...program, quarantinedFlag, ...(handlerFile === undefined ? [] : [handlerFile])];
}
