import { forgetProcess, killAtExit } from "../support/leftovers.ts";
import { untilCount } from "../support/wait.ts";

/** The options of a flock. Its process gets them as JSON. */
export interface FlockPlan {
  /** Plain text; durable subscriptions over STOMP; or server-sent events. */
  readonly kind: "text" | "durable" | "events";
  /** The managers' ports. All clients begin at the first, and go to the next one after each disconnect. */
  readonly ports: readonly number[];
  readonly size: number;
  readonly topic: string;
  /** Client `n` has the id PREFIX-n. */
  readonly prefix: string;
}

/** The state of a flock, which its process reports five times a second. */
export interface FlockState {
  readonly open: number;
  /** How many connections have ended, by their close codes. */
  readonly closes: Readonly<Record<string, number>>;
  /** How many messages all of them together have got. */
  readonly received: number;
  /** How many messages the client with the fewest has got. */
  readonly least: number;
  /** The first ten faults: missing, repeated or reordered messages. */
  readonly faults: readonly string[];
}

/** To its process: one of its clients sends a message to their topic. */
export interface FlockOrder {
  readonly say?: string;
}

const nobody: FlockState = { open: 0, closes: {}, received: 0, least: 0, faults: [] };

/** Very many clients that reconnect whenever they are disconnected, in a process of their own. */
export class Flock implements AsyncDisposable {
  readonly plan: FlockPlan;
  state: FlockState = nobody;
  readonly #child: Bun.Subprocess<"ignore", "inherit", "inherit">;

  constructor(plan: FlockPlan) {
    this.plan = plan;
    const script = new URL("./flock-process.ts", import.meta.url).pathname;
    this.#child = Bun.spawn([process.execPath, script, JSON.stringify(plan)], {
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      ipc: (said: FlockState) => {
        this.state = said;
      },
    });
    killAtExit(this.#child.pid);
  }

  /** Waits until all of them are connected, as long as there is progress. */
  async gathered(): Promise<void> {
    await untilCount(() => this.state.open, this.plan.size, "clients of the flock connected");
  }

  /** One of its clients sends this to their topic. */
  say(text: string): void {
    this.#child.send({ say: text } satisfies FlockOrder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    forgetProcess(this.#child.pid);
  }
}
