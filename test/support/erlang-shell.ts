import { lastLines } from "./run.ts";
import { within } from "./wait.ts";

/** How much of a node's output is kept for error messages. */
const outputCharsMax = 64 * 1024;

/**
 * The Erlang shell that a node reads from its standard input. `rabbitmqctl` starts an Erlang of its own for each
 * call, which takes a second; here the same takes milliseconds.
 */
export class ErlangShell {
  readonly #stdin: Bun.FileSink;
  readonly #answers = new Map<string, (term: string) => void>();
  #output = "";
  #line = "";
  #calls = 0;

  constructor(stdin: Bun.FileSink, stdout: ReadableStream<Uint8Array>) {
    this.#stdin = stdin;
    void this.#read(stdout);
  }

  /** The last lines that the node wrote. */
  get output(): string {
    return lastLines(this.#output);
  }

  /** The expression's value as an Erlang term in one line. Throws if evaluating it did. */
  async eval(expression: string): Promise<string> {
    const call = `call-${++this.#calls}`;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#answers.set(call, resolve);
    this.#stdin.write(
      `io:format("~n${call} ~0tp~n", [try {ok, begin ${expression} end} catch C:R -> {C, R} end]), f().\n`,
    );
    await this.#stdin.flush();
    const answer = await within(promise, `the node's answer to ${expression}\n${this.output}`, 30_000);
    if (!answer.startsWith("{ok,")) throw new Error(`${expression} failed: ${answer}`);
    return answer.slice("{ok,".length, -1);
  }

  async #read(stdout: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stdout) {
      const text = decoder.decode(bytes, { stream: true });
      this.#output = (this.#output + text).slice(-outputCharsMax);
      const lines = (this.#line + text).split("\n");
      this.#line = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
  }

  #take(line: string): void {
    const [, call, term] = /^(call-\d+) (.*)$/.exec(line) ?? [];
    if (call === undefined || term === undefined) return;
    this.#answers.get(call)?.(term);
    this.#answers.delete(call);
  }
}
