import { reasonOf } from "../../src/errors.ts";
import { executable } from "./executable.ts";
import { forgetProcess, killAtExit } from "./leftovers.ts";
import { until, within } from "./wait.ts";

/** A line of the log. What is not JSON, such as a usage error, has its text as `msg` and no level. */
export interface LogLine {
  readonly time?: string;
  readonly level?: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface WarrenOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Another executable than the one that is built from this source. */
  readonly path?: string | undefined;
  /** What `startWarren` waits for. A process without a manager is waited for only until it runs. */
  readonly readyWhen?: "listening" | "ready" | "running";
}

/** Roles that listen on a port. */
const listening = ["all", "manager"];

/** `warren manager …` names the role too. */
function commandOf([word = "all"]: readonly string[]): string {
  return word.startsWith("-") ? "all" : word;
}

/** Starts the compiled executable, on a free port unless the arguments name one, and in a log that tests can read. */
export async function startWarren(
  args: readonly string[] = [],
  options: WarrenOptions = {},
): Promise<WarrenProcess> {
  const role = args.includes("--role") ? args[args.indexOf("--role") + 1]! : commandOf(args);
  const listens = listening.includes(role);
  const port = listens && !args.includes("--port") ? ["--port", "0"] : [];
  const warren = new WarrenProcess([options.path ?? (await executable()), ...args, ...port], options);
  const readyWhen = options.readyWhen ?? (listens ? "listening" : "running");
  try {
    if (readyWhen !== "running") await warren.waitUntilListening();
    if (readyWhen === "ready") await warren.waitUntilReady();
  } catch (error) {
    await warren.stop();
    throw error;
  }
  return warren;
}

/** Warren as a process of its own, which is killed when this one ends. */
export class WarrenProcess implements AsyncDisposable {
  /** What it wrote so far, to both of its outputs. */
  readonly log: LogLine[] = [];
  /** Its exit code; 128 and the signal's number if a signal ended it. */
  readonly exited: Promise<number>;

  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #url: string | undefined;
  #adminUrl: string | undefined;
  #ended = false;

  constructor(command: readonly string[], { env, cwd }: WarrenOptions) {
    this.#child = Bun.spawn([...command], {
      env: { ...withoutWarren(process.env), ...env },
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    killAtExit(this.#child.pid);
    this.exited = this.#end(Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)]));
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Where it listens, with a slash at the end. */
  get url(): string {
    if (this.#url === undefined) throw new Error(`Warren has not said where it listens. ${this.#wrote()}`);
    return this.#url;
  }

  /** Where those listen who run it, with a slash at the end: the same place unless it has `--admin-port`. */
  get adminUrl(): string {
    return this.#adminUrl ?? this.url;
  }

  /** `wsUrl("/ws/me?topic=news")` → `ws://127.0.0.1:PORT/ws/me?topic=news` */
  wsUrl(path = "/ws"): string {
    return new URL(path, this.url.replace(/^http/, "ws")).href;
  }

  /** The first line of the log that fits, which may have come before the call. */
  async waitForLog(fits: (line: LogLine) => boolean, what: string, timeoutMs = 10_000): Promise<LogLine> {
    return await this.#waitFor(() => this.log.find(fits), what, timeoutMs);
  }

  async waitUntilListening(timeoutMs = 10_000): Promise<void> {
    const line = await this.waitForLog(({ msg }) => msg === "listening", "Warren listens", timeoutMs);
    this.#url = String(line["url"]);
    if (line["admin"] !== undefined) this.#adminUrl = String(line["admin"]);
  }

  /** Until /readyz says 200. */
  async waitUntilReady(timeoutMs = 20_000): Promise<void> {
    await this.waitUntilListening(timeoutMs);
    const readyz = new URL("/readyz", this.adminUrl);
    await this.#waitFor(() => isOk(readyz), "/readyz says 200", timeoutMs);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops it gracefully and returns its exit code. */
  async stop(timeoutMs = 20_000): Promise<number> {
    this.signal("SIGTERM");
    try {
      return await within(this.exited, "Warren to stop after SIGTERM", timeoutMs);
    } catch (cause) {
      this.signal("SIGKILL");
      await this.exited;
      throw new Error(`Warren did not stop. ${this.#wrote()}`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Waits no longer than the process lives, since nothing comes after that. */
  async #waitFor<T>(
    condition: () => T | Promise<T>,
    what: string,
    timeoutMs: number,
  ): Promise<NonNullable<T>> {
    let cause: unknown;
    const look = async () => {
      const ended = this.#ended;
      cause = undefined;
      const value = await Promise.resolve()
        .then(condition)
        .catch((error: unknown) => {
          cause = error;
        });
      return value ? { value } : ended ? { value: undefined } : undefined;
    };
    const seen = await until(look, what, timeoutMs).catch(() => undefined);
    if (!seen?.value) {
      const why = cause === undefined ? "" : ` ${reasonOf(cause)}.`;
      throw new Error(`waited in vain until ${what}.${why} ${this.#wrote()}`, { cause });
    }
    return seen.value;
  }

  #wrote(): string {
    const lines = this.log
      .slice(-25)
      .map((line) => (line.level === undefined ? line.msg : JSON.stringify(line)));
    const state = this.#child.exitCode === null ? "It runs" : `It exited with ${this.#child.exitCode}`;
    return `${state} and wrote:\n${lines.join("\n")}`;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of stream) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.log.push(...lines.map(parse));
    }
    if (rest !== "") this.log.push(parse(rest));
  }

  /** Resolves only when all that it wrote is in the log. */
  async #end(read: Promise<unknown>): Promise<number> {
    const code = await this.#child.exited;
    forgetProcess(this.pid);
    await read;
    this.#ended = true;
    return code;
  }
}

/** @throws Error with what it says instead */
async function isOk(url: URL): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
  if (!response.ok) throw new Error(`${url.pathname} says ${response.status}: ${await response.text()}`);
  return true;
}

function parse(line: string): LogLine {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === "object" && parsed !== null && "msg" in parsed) return parsed as LogLine;
  } catch {
    // Not a line of the log: an error message of the options or of Bun itself.
  }
  return { msg: line };
}

/** The caller's own WARREN_ variables are not the tests' business. */
function withoutWarren(env: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("WARREN_")));
}
