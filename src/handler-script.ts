import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Packages run scripts of theirs by `child_process.fork(file)` or `spawn(process.execPath, [file])`, and take the program that runs
 * them for one that runs scripts. In the executable that is Warren, so Warren runs them for what a handler has started.
 */

/** Set in a process that loads a handler, and so in all that it starts. No option: its name begins with no `WARREN_`. */
const variable = "_WARREN_RUNS_SCRIPTS";

/** Lets processes that this one starts from now on be scripts. */
export function allowScripts(): void {
  process.env[variable] = "1";
}

/** The file of the script that this process was started to run; undefined if it was not. */
export function scriptIn(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const [first] = args;
  if (env[variable] === undefined || first === undefined) return undefined;
  // Anything else is a role or a flag.
  if (!/[\\/]|\.[cm]?[jt]sx?$/.test(first) || first.startsWith("-")) return undefined;
  try {
    return createRequire(import.meta.url).resolve(resolve(first));
  } catch {
    return undefined;
  }
}

/** Runs it as Bun would. The process ends when nothing is left to do. */
export async function runScript(file: string): Promise<void> {
  process.argv.splice(0, 3, process.execPath, file);
  await import(pathToFileURL(file).href);
}
