import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { forgetFolder, removeAtExit } from "./leftovers.ts";
import { inMountNamespace } from "./mount-namespace.ts";
import { debootstrap, need, rabbitmqServer } from "./requirements.ts";
import { run } from "./run.ts";

/** `system` is the RabbitMQ installed on this machine; the others are in a Debian of their own, in a folder. */
export type RabbitmqVersion = "system" | ChrootVersion;

const chroots = {
  /** Debian 13. Out of support; tested each night, not for each push. */
  "4.0": "trixie",
  /** Debian's testing distribution: what `rabbitmq:4` installs today. */
  "4.3": "forky",
} as const;
export type ChrootVersion = keyof typeof chroots;

/** Where one RabbitMQ's programs are and how to run them. */
export interface RabbitmqPrograms {
  /** The node's data folder as its programs see it. */
  inside(folder: string): string;
  /** The command that runs one of them: `rabbitmq-server`, `rabbitmqctl` or `epmd`. */
  command(program: string, folder: string): string[];
}

export async function rabbitmqPrograms(version: RabbitmqVersion): Promise<RabbitmqPrograms> {
  return version === "system" ? onSystem(need(rabbitmqServer)) : inChroot(await rabbitmqRoot(version));
}

/** Which version the shared node is, and so the suite runs against: WARREN_TEST_RABBITMQ says it. */
export function chosenVersion(): RabbitmqVersion {
  const version = versionNamed(process.env["WARREN_TEST_RABBITMQ"] ?? "system");
  if (version === undefined)
    throw new Error(`WARREN_TEST_RABBITMQ is one of ${["system", ...Object.keys(chroots)].join(", ")}`);
  return version;
}

/** Understands what a person calls a version: `4` is the newest of the fourth. Undefined if there is none of that name. */
export function versionNamed(name: string): RabbitmqVersion | undefined {
  if (name === "4") return "4.3";
  return name === "system" || Object.hasOwn(chroots, name) ? (name as RabbitmqVersion) : undefined;
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

/** Kept between runs, since making one takes most of a minute and 400 MB. */
function cacheOf(version: ChrootVersion): string {
  return `/var/tmp/warren-rabbitmq-${version}`;
}

/** The folder of the Debian that has this RabbitMQ, made on first call. It is complete if it is there at all. */
export async function rabbitmqRoot(version: ChrootVersion): Promise<string> {
  if (process.getuid?.() !== 0)
    throw new Error("RabbitMQ 4 for tests is started in a chroot: run this as root");
  const cache = cacheOf(version);
  if (existsSync(cache)) return cache;
  const debian = chroots[version];
  const building = mkdtempSync(`${cache}-`);
  removeAtExit(building);
  try {
    teach(debian);
    await run([need(debootstrap), "--variant=minbase", "--include=rabbitmq-server", debian, building]);
    // Erlang 29 asks this file for the name of its own host.
    copyFileSync("/etc/hosts", join(building, "etc/hosts"));
    if (!existsSync(cache)) renameSync(building, cache);
  } finally {
    rmSync(building, { recursive: true, force: true });
    forgetFolder(building);
  }
  return cache;
}

/** An older debootstrap does not know the newest Debian, which it makes as it makes `sid`. */
function teach(debian: string): void {
  const script = join("/usr/share/debootstrap/scripts", debian);
  if (!existsSync(script)) symlinkSync("sid", script);
}
