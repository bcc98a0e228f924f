import { reasonOf } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Call } from "./call.ts";
import type { Asked as Question, Told, Verdict } from "./quarantined.ts";

/** How long the process may take to say that it is there, at most, in milliseconds. */
const pongMs = 1000;

/** Why messages have no verdict: the process ended, or had to be ended, while it had them in hand. */
export class Death extends Error {
  override readonly name = "Death";
  /** Whether it is known which one it was. */
  isSolved = false;
}

/** The process ended before it had the message. */
export class Ended extends Error {
  override readonly name = "Ended";
}

interface Asked {
  readonly call: Call;
  readonly verdict: PromiseWithResolvers<Verdict>;
  timer: NodeJS.Timeout | undefined;
  begun: number;
}

/** A process in which a handler is called with messages, side by side. The messages in it share its fate. */
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

  /** Resolves when it takes messages. Rejects if it ended before. */
  readonly ready: Promise<void> = this.#ready.promise;

  constructor(command: readonly string[], timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.ready.catch(() => undefined);
    this.#child = Bun.spawn([...command], {
      // A handler in an endless loop does not see that its parent is gone: then the system ends it.
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

  /** Messages without a verdict. */
  get inHand(): number {
    return this.#asked.size;
  }

  /** Handlers that go on after their timeout, as far as anybody knows. */
  get outlived(): number {
    return this.#outlived;
  }

  /**
   * Has the handler called with a message. Its answers are published by the call.
   *
   * @throws Ended if the process was not there any more
   * @throws Death if the process ends, or does nothing else beyond the timeout
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
    // The handler hears there, too, that the client that asked has gone: it may end sooner, or go on.
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
      // It has just ended, of which `onExit` is about to tell.
    }
  }

  /** Gives the handler its time again. */
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
    // One that has failed answers no more.
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

  /** The handler takes too long: this message fails, unless the process hears nothing, for which any of them may be the cause. */
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
    // What began last is the likeliest to have done it, and hears of it first.
    const asked = [...this.#asked.values()].sort((one, other) => other.begun - one.begun);
    this.#asked.clear();
    const death = new Death(how);
    for (const { verdict, timer } of asked) {
      clearTimeout(timer);
      verdict.reject(death);
    }
  }
}
