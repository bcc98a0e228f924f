import { reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Call } from "./call.ts";
import type { Asked as Question, Told, Verdict } from "./quarantined.ts";

/** How long the process may take to answer a ping, in milliseconds. */
const pongMs = 1000;

/** Thrown for messages without a verdict: the process ended, or had to be ended, while it had them. */
export class Death extends Error {
  override readonly name = "Death";
  /** Whether it is known which message caused it. */
  isSolved = false;
}

/** Thrown if the process ended before it had the message. */
export class Ended extends Error {
  override readonly name = "Ended";
}

interface Asked {
  readonly call: Call;
  readonly verdict: PromiseWithResolvers<Verdict>;
  timer: NodeJS.Timeout | undefined;
  begun: number;
}

/** A process in which a handler is called with several messages side by side. If it dies, all of them are affected. */
export class Cell {
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #timeoutMs: number;
  readonly #asked = new Map<number, Asked>();
  readonly #ready = Promise.withResolvers<void>();
  #pong: PromiseWithResolvers<void> | undefined;
  #numbers = 0;
  #begun = 0;
  #outlived = 0;
  #uncaught = "";
  #isEnded = false;

  /** Resolves when the process takes messages. Rejects if it ended before. */
  readonly ready: Promise<void> = this.#ready.promise;

  constructor(command: readonly string[], timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.ready.catch(() => undefined);
    this.#child = Bun.spawn([...command], {
      // A handler in an endless loop would not notice that its parent has gone, so the system has to end the process.
      env: { ...process.env, BUN_OPTIONS: `${process.env["BUN_OPTIONS"] ?? ""} --no-orphans`.trim() },
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      serialization: "advanced",
      ipc: (told: Told) => this.#hear(told),
      onExit: (_, exitCode, signal) => {
        const how = exitCode === null ? `signal ${signal}` : `exit code ${exitCode}`;
        const why = this.#uncaught === "" ? "" : `: ${this.#uncaught}`;
        this.#die(`the handler ended its process with ${how}${why}`);
      },
    });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** How many messages have no verdict yet. */
  get inHand(): number {
    return this.#asked.size;
  }

  /** How many handlers go on after their timeout, as far as is known. */
  get outlived(): number {
    return this.#outlived;
  }

  /**
   * Has the process handle a message. The call publishes the answers.
   *
   * @throws Ended if the process had ended before
   * @throws Death if the process ends, or does not react after the timeout
   */
  async ask(message: Message, call: Call): Promise<Verdict> {
    await this.ready;
    if (this.#isEnded) throw new Ended("the handler's process has ended");
    const number = ++this.#numbers;
    const asked: Asked = { call, verdict: Promise.withResolvers(), timer: undefined, begun: 0 };
    this.#asked.set(number, asked);
    this.#await(number, asked);
    this.#send({ number, message: { ...message }, attempt: call.attempt });
    if (message.isRequest !== true) return await asked.verdict.promise;
    // The process passes on that the client that asked has gone. The handler may end early, or go on.
    const { signal } = call;
    const abandon = () => this.#send({ number, abandoned: reasonOf(signal.reason) });
    if (signal.aborted) abandon();
    else signal.addEventListener("abort", abandon);
    try {
      return await asked.verdict.promise;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  end(): void {
    this.#child.kill("SIGKILL");
    this.#die("the processor stops");
  }

  #send(question: Question): void {
    try {
      this.#child.send(question);
    } catch {
      // The process has just ended. `onExit` is about to be called.
    }
  }

  /** Starts the handler's time again. */
  #await(number: number, asked: Asked): void {
    clearTimeout(asked.timer);
    asked.timer = setTimeout(() => void this.#outlive(number), this.#timeoutMs);
  }

  #hear(told: Told): void {
    if (told === "ready") this.#ready.resolve();
    else if (told === "pong") this.#pong?.resolve();
    else if ("uncaught" in told) this.#uncaught = told.uncaught;
    else if ("begun" in told) {
      const asked = this.#asked.get(told.begun);
      if (asked !== undefined) asked.begun = ++this.#begun;
    } else if ("verdict" in told) this.#settle(told.number, told.verdict);
    else if ("level" in told) this.#print(told);
    else this.#pass(told);
  }

  #print({ number, level, line, fields }: Extract<Told, { readonly level: unknown }>): void {
    this.#asked.get(number)?.call.log[level](line, JSON.parse(fields) as Record<string, unknown>);
  }

  #pass({ number, answer, message }: Extract<Told, { readonly answer: unknown }>): void {
    const asked = this.#asked.get(number);
    // A message that has failed gets no more answers.
    if (asked === undefined) return;
    this.#await(number, asked);
    asked.call.pass(answer, message).then(
      () => this.#send({ number, confirmed: answer }),
      (error: unknown) => this.#send({ number, confirmed: answer, setAside: reasonOf(error) }),
    );
  }

  #settle(number: number, verdict: Verdict): void {
    const asked = this.#asked.get(number);
    if (asked === undefined) {
      this.#outlived--;
      return;
    }
    clearTimeout(asked.timer);
    this.#asked.delete(number);
    asked.verdict.resolve(verdict);
  }

  /** The handler takes too long. This message fails. But if the process does not react at all, any of its messages may be the cause. */
  async #outlive(number: number): Promise<void> {
    if (await this.#answers()) {
      const asked = this.#asked.get(number);
      if (asked === undefined) return;
      if (asked.call.isUnconfirmed) {
        this.#await(number, asked);
        return;
      }
      const error = `the handler took longer than ${this.#timeoutMs} ms`;
      this.#send({ number, aborted: error });
      this.#settle(number, { error });
      this.#outlived++;
      return;
    }
    if (this.#isEnded) return;
    this.#child.kill("SIGKILL");
    this.#die(`the handler took longer than ${this.#timeoutMs} ms, in which its process did nothing else`);
  }

  async #answers(): Promise<boolean> {
    if (this.#pong === undefined) {
      this.#pong = Promise.withResolvers();
      this.#send("ping");
    }
    const pong = this.#pong;
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), Math.min(pongMs, this.#timeoutMs));
    const isThere = await Promise.race([pong.promise.then(() => true), late.promise]);
    clearTimeout(timer);
    if (isThere && this.#pong === pong) this.#pong = undefined;
    return isThere;
  }

  #die(how: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#ready.reject(new Error(how));
    // The message that began last is the likeliest cause, so it is told first.
    const asked = [...this.#asked.values()].sort((one, other) => other.begun - one.begun);
    this.#asked.clear();
    const death = new Death(how);
    for (const { verdict, timer } of asked) {
      clearTimeout(timer);
      verdict.reject(death);
    }
  }
}
