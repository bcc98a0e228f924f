import { forgetProcess, killAtExit } from "../../support/leftovers.ts";
import { within } from "../../support/wait.ts";

/** How much of a program's stderr is kept. */
const complaintsCharsMax = 4000;

/** A TypeScript program of the benchmark's own, as a process of its own. It writes one line when it is ready. */
export class Program {
  /** Its first line. */
  readonly ready: Promise<string>;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #path: string;
  readonly #complaints: Promise<string>;

  private constructor(path: string, args: readonly string[], detached = false) {
    this.#path = path;
    this.#child = Bun.spawn([process.execPath, path, ...args], {
      detached,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    killAtExit(this.#child.pid);
    this.#complaints = new Response(this.#child.stderr).text();
    this.ready = this.#firstLine();
  }

  static launch(path: string, args: readonly string[]): Program {
    return new Program(path, args);
  }

  /**
   * Resolves when it has written that it is ready.
   * @param detached whether it gets a session of its own, and so, on Linux, a share of the processor time of its own
   */
  static async start(path: string, args: readonly string[], detached = false): Promise<Program> {
    const program = new Program(path, args, detached);
    try {
      await within(program.ready, `${path} to be ready`, 60_000);
    } catch (error) {
      await program.kill();
      throw error;
    }
    return program;
  }

  get pid(): number {
    return this.#child.pid;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    forgetProcess(this.pid);
  }

  async #firstLine(): Promise<string> {
    let text = "";
    const decoder = new TextDecoder();
    // The rest stays unread, since none of the programs writes more than this line.
    for await (const bytes of this.#child.stdout) {
      text += decoder.decode(bytes, { stream: true });
      const end = text.indexOf("\n");
      if (end >= 0) return text.slice(0, end);
    }
    throw new Error(`${this.#path} ended: ${(await this.#complaints).slice(-complaintsCharsMax)}`);
  }
}
