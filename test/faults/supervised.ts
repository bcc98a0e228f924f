import { executable } from "../support/executable.ts";
import { until } from "../support/wait.ts";
import { type LogLine, startWarren, type WarrenProcess } from "../support/warren.ts";

/** If set, everything runs without plain copies. */
export const withoutCopiesVariable = "WARREN_TEST_WITHOUT_COPIES";

/** How long a supervisor waits before it restarts a process. */
const restartDelayMs = 100;
const lookEveryMs = 200;

/** A Warren process that is restarted when it ends, as by systemd or Kubernetes, and its last metrics. */
export class Supervised implements AsyncDisposable {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #metricsUrl: string | undefined;
  #process: WarrenProcess | undefined;
  #isKept = true;
  /** Set while it must stay down. */
  #down: PromiseWithResolvers<void> | undefined;
  #life: Promise<void>;
  #metrics: Readonly<Record<string, number>> = {};
  readonly #logBefore: LogLine[] = [];
  #confirmedBefore = 0;
  #repeatedBefore = 0;
  readonly #looking: NodeJS.Timeout;
  starts = 0;
  /** The highest value seen of each metric since `forgetMost`. */
  #most: Record<string, number> = {};
  /** Exit codes, in order. */
  readonly exits: number[] = [];

  /** @param port where it listens, if it does */
  constructor(name: string, args: readonly string[], port?: number) {
    this.name = name;
    this.#args = port === undefined ? args : [...args, "--port", String(port)];
    this.#metricsUrl = port === undefined ? undefined : `http://127.0.0.1:${port}/metrics`;
    this.#life = this.#keep();
    this.#looking = setInterval(() => void this.look(), lookEveryMs);
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  get process(): WarrenProcess {
    if (this.#process === undefined) throw new Error(`${this.name} is not running`);
    return this.#process;
  }

  /** The log lines of all its lives. */
  get log(): readonly LogLine[] {
    return [...this.#logBefore, ...(this.#process?.log ?? [])];
  }

  /** Messages that RabbitMQ has confirmed to it, over all its lives, as far as it was seen to say so. */
  get confirmed(): number {
    return this.#confirmedBefore + (this.#metrics["warren_confirmed_total"] ?? 0);
  }

  metric(name: string): number {
    return this.#metrics[name] ?? 0;
  }

  /** Its state, in one line. */
  describe(): string {
    const telling = ["warren_clients", "warren_clients_held_back", "warren_outbox_bytes"];
    telling.push("warren_unconfirmed_envelopes", "warren_published_total", "warren_confirmed_total");
    const metrics = telling.map((name) => `${name.slice("warren_".length)} ${this.metric(name)}`);
    const state = this.#process === undefined ? "not running" : "running";
    const figures = this.#metricsUrl === undefined ? [] : metrics;
    return [state, `${this.starts} starts`, `exits ${this.exits.join(" ") || "none"}`, ...figures].join(", ");
  }

  /** AMQP messages that it has published again, over all its lives, as far as it was seen to say so. */
  get repeated(): number {
    return this.#repeatedBefore + this.metric("warren_envelopes_repeated_total");
  }

  /** The highest value of a metric that was seen since `forgetMost`. */
  most(name: string): number {
    return this.#most[name] ?? 0;
  }

  forgetMost(): void {
    this.#most = {};
  }

  async running(): Promise<WarrenProcess> {
    // Where it has to be built first, that takes longer than a start may.
    await executable();
    return await until(() => this.#process, `${this.name} to run`);
  }

  /** Ends it at once, or asks it to stop; it is started again. Resolves with its exit code. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number> {
    const process = this.process;
    await this.look();
    process.signal(signal);
    return await process.exited;
  }

  /** When it ends, it is not started again before `release`. */
  keepDown(): void {
    this.#down ??= Promise.withResolvers();
  }

  release(): void {
    this.#down?.resolve();
    this.#down = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isKept = false;
    this.release();
    clearInterval(this.#looking);
    this.#process?.signal("SIGKILL");
    await this.#life;
  }

  async #keep(): Promise<void> {
    while (this.#isKept) {
      const copies = Bun.env[withoutCopiesVariable] === undefined ? [] : ["--plain-copies", "off"];
      const args = [...this.#args, ...copies, "--log-messages", "off"];
      const process = await startWarren(args, { readyWhen: "running" });
      this.#process = process;
      this.starts++;
      if (!this.#isKept) process.signal("SIGKILL");
      this.exits.push(await process.exited);
      this.#logBefore.push(...process.log);
      this.#process = undefined;
      this.#confirmedBefore = this.confirmed;
      this.#repeatedBefore = this.repeated;
      this.#metrics = {};
      await this.#down?.promise;
      if (this.#isKept) await Bun.sleep(restartDelayMs);
    }
  }

  /** Reads its metrics, which otherwise happens now and then. */
  async look(): Promise<void> {
    if (this.#metricsUrl === undefined || this.#process === undefined) return;
    const process = this.#process;
    try {
      const text = await (await fetch(this.#metricsUrl, { signal: AbortSignal.timeout(2000) })).text();
      if (this.#process !== process) return;
      const metrics: Record<string, number> = {};
      for (const [, name, value] of text.matchAll(/^(\w+) (\S+)$/gm)) metrics[name!] = Number(value);
      this.#metrics = metrics;
      for (const name in metrics) this.#most[name] = Math.max(this.most(name), metrics[name]!);
    } catch {
      // It is starting or ending. The next reading will work.
    }
  }
}
