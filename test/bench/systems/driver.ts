import { join } from "node:path";
import { within } from "../../support/wait.ts";
import { Program } from "./program.ts";

const driverMsMax = 180_000;

/** Runs a driver of `test/bench/drivers` to its end: a process of its own that prints what it saw as a line of JSON. */
export async function runDriver<Seen>(name: string, args: readonly (string | number)[]): Promise<Seen> {
  const program = Program.launch(join(import.meta.dir, "../drivers", name), args.map(String));
  try {
    return JSON.parse(await within(program.ready, `${name} to end`, driverMsMax)) as Seen;
  } finally {
    await program.kill();
  }
}
