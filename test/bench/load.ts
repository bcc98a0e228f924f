import { constants, setPriority } from "node:os";
import { join } from "node:path";
import type { Result } from "../../src/bench/result.ts";
import { forgetProcess, killAtExit } from "../support/leftovers.ts";
import { lastLines } from "../support/run.ts";
import { within } from "../support/wait.ts";
import type { System } from "./systems/contender.ts";
import { withoutWarren } from "./systems/environment.ts";

/** How a system is loaded. */
export interface LoadOptions {
  /** Clients that only receive. */
  readonly clients: number;
  readonly publishers: number;
  /** Messages a second over all publishers. */
  readonly rate: number;
  readonly durationMs: number;
  /** Messages that come within this time after the last one was sent are late, and not lost. Default: that of `--role bench`. */
  readonly patienceSeconds?: number;
}

/** Bytes of a message. */
export const messageBytes = 64;

/** How long connecting, the warm-up and draining may take, besides the load itself. */
const overheadMsMax = 60_000;

/**
 * Loads a system with the generator of `warren --role bench`, in a process of its own, and returns its result.
 * `onSending` is called when it has been sending for a second.
 */
export async function load(system: System, options: LoadOptions, onSending?: () => void): Promise<Result> {
  const { clients, publishers, rate, durationMs, patienceSeconds = 0 } = options;
  const flags = Object.entries({
    clients,
    publishers,
    rate,
    size: messageBytes,
    duration: `${durationMs}ms`,
    url: system.url,
  }).flatMap(([flag, value]) => [`--${flag}`, `${value}`]);
  const answers = system.hasProcessor ? "answers" : "none";
  const command = [
    process.execPath,
    join(import.meta.dir, "generator.ts"),
    answers,
    `${patienceSeconds}`,
    ...flags,
    ...system.speaks,
  ];
  const child = Bun.spawn(command, { env: withoutWarren(), stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  killAtExit(child.pid);
  // Clients have machines of their own in reality, so here RabbitMQ takes CPU time from the clients, and not from the server. Not
  // where answers are waited for: RabbitMQ is busiest then, and clients that starve beside it would be all that is measured.
  if (!system.hasProcessor) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  try {
    const ended = Promise.all([new Response(child.stdout).text(), follow(child.stderr, onSending)]);
    const [output, complaints] = await within(
      ended,
      "the load generator",
      durationMs + overheadMsMax + 1000 * patienceSeconds,
    );
    if (output === "") throw new Error(`the load generator failed: ${lastLines(complaints, 3)}`);
    return JSON.parse(output);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    forgetProcess(child.pid);
  }
}

/** The generator reports its progress once a second, the first time a second after it began to send. */
async function follow(stream: ReadableStream<Uint8Array>, onFirst?: () => void): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    if (text === "") onFirst?.();
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}
