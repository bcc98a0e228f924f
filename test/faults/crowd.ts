import { forgetProcess, killAtExit } from "../support/leftovers.ts";
import { within } from "../support/wait.ts";

const connectTimeoutMs = 60_000;

/** Very many clients that only listen, in a process of their own, so that all of them can vanish at once. */
export class Crowd implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;

  /** Connects all of them at once. */
  constructor(port: number, size: number) {
    const script = new URL("./crowd-process.ts", import.meta.url).pathname;
    this.#child = Bun.spawn([process.execPath, script, String(port), String(size)], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    killAtExit(this.#child.pid);
  }

  /** Resolves when all of them have got their answer. */
  async connected(): Promise<void> {
    const said = (async () => {
      for await (const bytes of this.#child.stdout) return Buffer.from(bytes).toString();
      return "nothing";
    })();
    const word = await within(said, "the crowd to connect", connectTimeoutMs);
    if (word.trim() !== "connected") throw new Error(`the crowd said ${word} instead of connected`);
  }

  /** Kills their process: the kernel ends their connections, without close frames. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Freezes them: they neither read nor answer, and their connections stay open. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#child.exited;
    forgetProcess(this.#child.pid);
  }
}
