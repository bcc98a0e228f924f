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
  /** The ids of all of Warren's processes, with the processor's. */
  readonly pids: readonly number[];
  /** Where RabbitMQ is, for programs of the benchmark. */
  readonly vhostUrl: string;
  /** Ends all processes at once, and removes everything that they left in RabbitMQ. */
  stop(): Promise<void>;
}

/** Flags without limits of a client's rate, since ten publishers stand for very many. */
export const unhurried = [
  ...["--max-messages-per-second", "0", "--max-bytes-per-second", "0"],
  // Thousands of clients come at once here.
  ...["--max-connections-per-second", "0"],
] as const;

/** The same flags, except those that are given already. */
function unhurriedBeside(flags: readonly string[]): string[] {
  return unhurried.filter((_, index) => !flags.includes(unhurried[index - (index % 2)]!));
}

export interface ManagersOptions {
  readonly flags?: readonly string[];
  /** Whether they have their default limits. Otherwise clients may send and connect as fast as they can. */
  readonly areLimited?: boolean;
  /** The executable, if not the one that is built from this source. */
  readonly path?: string | undefined;
  readonly withProcessor?: boolean;
  /** Further flags of the processor. */
  readonly processorFlags?: readonly string[];
  /** Whether another program consumes every message on both exchanges. */
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

/** Waits until the processor answers. Earlier messages may reach no queue. */
export async function untilAnswered(url: string): Promise<void> {
  await using client = await connect(url);
  await until(() => {
    client.send("hello");
    return client.received.some((message) => message === "processed message: hello");
  }, "the processor answers");
  // The answers to the other hellos must not be measured.
  await Bun.sleep(300);
}

/** How many published messages are not confirmed, by a server's metrics; undefined if it has no such metric. */
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
