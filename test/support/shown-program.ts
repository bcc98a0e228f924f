import { forgetProcess, killAtExit } from "./leftovers.ts";
import { until } from "./wait.ts";

/** A program that a document shows: what it prints, line by line, until it is killed. */
export class ShownProgram implements AsyncDisposable {
  /** The lines that it has printed so far, whole ones. */
  readonly printed: string[] = [];
  /** Its exit code, when all that it printed is there. */
  readonly exited: Promise<number>;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  #complaints = "";

  /** @param folder in which it runs */
  constructor(command: readonly string[], folder: string) {
    this.#child = Bun.spawn([...command], { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    killAtExit(this.#child.pid);
    this.exited = Promise.all([this.#child.exited, this.#read(), this.#readComplaints()]).then(([code]) => {
      forgetProcess(this.#child.pid);
      return code;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Until it has printed this line. */
  async prints(line: string): Promise<void> {
    await until(() => this.printed.includes(line), `it prints ${JSON.stringify(line)}`).catch(
      (cause: unknown) => {
        throw new Error(`it printed ${JSON.stringify(this.printed)} alone. ${this.#complaints}`, { cause });
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.printed.push(...lines);
    }
    if (rest !== "") this.printed.push(rest);
  }

  async #readComplaints(): Promise<void> {
    for await (const bytes of this.#child.stderr) this.#complaints += new TextDecoder().decode(bytes);
  }
}
