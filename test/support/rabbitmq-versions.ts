import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { forgetFolder, removeAtExit } from "./leftovers.ts";
import { inMountNamespace } from "./mount-namespace.ts";
import { debootstrap, need, rabbitmqServer } from "./requirements.ts";
import { run } from "./run.ts";

/** `system` is the one installed on this machine, `4` is RabbitMQ 4.0 in a folder of its own. */
export type RabbitmqVersion = "system" | "4";

/** Where one RabbitMQ's programs are and how to run them. */
export interface RabbitmqPrograms {
  /** The node's data folder as its programs see it. */
  inside(folder: string): string;
  /** The command that runs one of them: `rabbitmq-server`, `rabbitmqctl` or `epmd`. */
  command(program: string, folder: string): string[];
}

export async function rabbitmqPrograms(version: RabbitmqVersion): Promise<RabbitmqPrograms> {
  return version === "4" ? inChroot(await rabbitmq4Root()) : onSystem(need(rabbitmqServer));
}

/** Which version the shared node is, and so the suite runs against: `bun run test:rabbitmq4` sets the variable. */
export function chosenVersion(): RabbitmqVersion {
  const version = process.env["WARREN_TEST_RABBITMQ"] ?? "system";
  if (version !== "system" && version !== "4")
    throw new Error(`WARREN_TEST_RABBITMQ is "system" or "4", not "${version}"`);
  return version;
}

function onSystem(server: string): RabbitmqPrograms {
  return {
    inside: (folder) => folder,
    command: (program) => [program === "epmd" ? "epmd" : join(dirname(server), program)],
  };
}

/**
 * A mount namespace of its own gives the programs a /proc, without which RabbitMQ neither measures memory nor raises
 * alarms, and the data folder at /mnt. Both go with the process.
 */
function inChroot(root: string): RabbitmqPrograms {
  const enter =
    'mount -t proc proc "$0/proc" && mount --bind "$1" "$0/mnt" && shift && exec chroot "$0" "$@"';
  return {
    inside: () => "/mnt",
    command: (program, folder) => {
      const path = program === "epmd" ? "/usr/bin/epmd" : `/usr/lib/rabbitmq/bin/${program}`;
      return inMountNamespace(enter, [root, folder, path]);
    },
  };
}

/** Debian 13, whose RabbitMQ is 4.0; kept between runs since making it takes most of a minute and 400 MB. */
const debian = "trixie";
const cache = "/var/tmp/warren-rabbitmq4";

/** The folder of the Debian with RabbitMQ 4, made on first call. It is complete if it is there at all. */
export async function rabbitmq4Root(): Promise<string> {
  if (process.getuid?.() !== 0)
    throw new Error("RabbitMQ 4 for tests is started in a chroot: run this as root");
  if (existsSync(cache)) return cache;
  const building = mkdtempSync(`${cache}-`);
  removeAtExit(building);
  try {
    await run([need(debootstrap), "--variant=minbase", "--include=rabbitmq-server", debian, building]);
    if (!existsSync(cache)) renameSync(building, cache);
  } finally {
    rmSync(building, { recursive: true, force: true });
    forgetFolder(building);
  }
  return cache;
}
