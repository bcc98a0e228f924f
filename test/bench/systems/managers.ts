import { join } from "node:path";
import { connect } from "../../support/client.ts";
import { until } from "../../support/wait.ts";
import { startWarren } from "../../support/warren.ts";
import type { BenchBroker } from "./broker.ts";
import { Program } from "./program.ts";

const folder = join(import.meta.dir, "../contenders");

export type Managed = Awaited<ReturnType<typeof startWarren>>;

/** Managers of one vhost, and perhaps a processor. */
export interface Managers {
  readonly each: readonly Managed[];
  /** Of all of Warren's processes, the processor's among them. */
  readonly pids: readonly number[];
  /** Where RabbitMQ is, for programs of the benchmark. */
  readonly vhostUrl: string;
  /** Ends all processes at once, and removes what they left in RabbitMQ. */
  stop(): Promise<void>;
}

/** Ten publishers stand for very many: how much one client may send is not what is measured. */
export const unhurried = [
  ...["--max-messages-per-second", "0", "--max-bytes-per-second", "0"],
  // Thousands of clients come at once here.
  ...["--max-connections-per-second", "0"],
] as const;

/** The same, but for what these flags say themselves. */
function unhurriedBeside(flags: readonly string[]): string[] {
  return unhurried.filter((_, index) => !flags.includes(unhurried[index - (index % 2)]!));
}

export interface ManagersOptions {
  readonly flags?: readonly string[];
  /** They keep all limits that they have by default: not given, clients may send and connect as fast as they can. */
  readonly areLimited?: boolean;
  /** Another executable than the one that is built from this source. */
  readonly path?: string | undefined;
  readonly withProcessor?: boolean;
  /** What the processor is told besides. */
  readonly processorFlags?: readonly string[];
  /** Another program takes every message on both exchanges. */
  readonly withListener?: boolean;
}

/** Starts them on a vhost of their own. Each is ready when this resolves, and the processor answers. */
export async function startManagers(
  broker: BenchBroker,
  count: number,
  {
    flags = [],
    areLimited = false,
    path,
    withProcessor = false,
    processorFlags = [],
    withListener = false,
  }: ManagersOptions = {},
): Promise<Managers> {
  const vhost = await broker.vhost();
  const args = ["--broker", vhost.url, "--log-messages", "off", "--log-level", "info", ...flags];
  const parts: { kill(): Promise<void> }[] = [];
  const pids: number[] = [];
  const startRole = async (
    role: "manager" | "processor",
    readyWhen: "ready" | "running",
    ofRole: readonly string[] = [],
  ) => {
    const started = await startWarren(["--role", role, ...ofRole, ...args], { readyWhen, path });
    pids.push(started.pid);
    parts.push({
      async kill() {
        started.signal("SIGKILL");
        await started.exited;
      },
    });
    return started;
  };
  const stop = () => stopAll(parts, vhost.remove);
  try {
    const each: Managed[] = [];
    const limits = areLimited ? [] : unhurriedBeside(flags);
    while (each.length < count) each.push(await startRole("manager", "ready", limits));
    if (withListener) parts.push(await Program.start(join(folder, "listener.ts"), [vhost.url]));
    if (withProcessor) {
      await startRole("processor", "running", processorFlags);
      await untilAnswered(each[0]!.wsUrl());
    }
    return { each, pids, stop, vhostUrl: vhost.url };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A processor is there when it answers: what is sent before that may have no queue to go to. */
export async function untilAnswered(url: string): Promise<void> {
  await using client = await connect(url);
  await until(() => {
    client.send("hello");
    return client.received.some((message) => message === "processed message: hello");
  }, "the processor answers");
  // The answers to the other hellos are not part of what is measured.
  await Bun.sleep(300);
}

/** Messages that were published and are not confirmed, by a server's metrics; undefined if it counts none. */
export async function unconfirmedOf(url: string): Promise<number | undefined> {
  const text = await (await fetch(url)).text();
  const published = /_published_total (\d+)/.exec(text)?.[1];
  const confirmed = /_confirmed_total (\d+)/.exec(text)?.[1];
  return published === undefined ? undefined : Number(published) - Number(confirmed);
}

export async function stopAll(
  parts: readonly { kill(): Promise<void> }[],
  last: () => Promise<void>,
): Promise<void> {
  await Promise.all(parts.map((part) => part.kill()));
  await last();
}
