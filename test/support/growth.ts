import { writeSync } from "node:fs";
import { join } from "node:path";

/** The result of a holder, in bytes. */
export interface Growth {
  /** How much its process has grown, after a garbage collection. */
  readonly grownBytes: number;
  /** The most that it should hold. */
  readonly capBytes: number;
}

/** Fills a structure and returns it, so that it is in memory while the process is measured. */
interface Held {
  readonly held: unknown;
  readonly capBytes: number;
}
export type Holder = () => Held | Promise<Held>;

/** Runs in the process of `growthOf`: fills, collects garbage, and writes the result. */
export async function measure(holder: Holder): Promise<void> {
  const before = await restingBytes();
  const { held, capBytes } = await holder();
  const growth: Growth = { grownBytes: (await restingBytes()) - before, capBytes };
  writeSync(process.stdout.fd, JSON.stringify(growth));
  // Held up to here.
  if (held === undefined) throw new TypeError("a holder holds something");
  // A timer of what is held must not keep the process: the log's closes decoded records after some seconds.
  process.exit();
}

/**
 * Runs one of a script's holders in a process of its own.
 *
 * @param script its last line is `await measure(holders[process.argv[2]!]!)`
 */
export async function growthOf(script: string, holder: string): Promise<Growth> {
  const child = Bun.spawn([process.execPath, script, holder], {
    cwd: join(import.meta.dir, "../.."),
    stdout: "pipe",
    stderr: "inherit",
  });
  const shown = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the holder "${holder}" failed`);
  return JSON.parse(shown) as Growth;
}

async function restingBytes(): Promise<number> {
  // What was freed goes back to the system only some milliseconds later.
  for (let round = 0; round < 3; round++) {
    Bun.gc(true);
    await Bun.sleep(50);
  }
  return process.memoryUsage.rss();
}
