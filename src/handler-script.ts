import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Packages may run their own scripts by `child_process.fork(file)` or `spawn(process.execPath, [file])`. They assume that the current
 * program can run scripts. In the executable that program is Warren, so Warren runs scripts for processes that a handler has started.
 */

/** Set in a process that loads a handler, and so in all that it starts. It is no option, since its name does not begin with `WARREN_`. */
const variable = "_WARREN_RUNS_SCRIPTS";

/** Allows processes that this one starts from now on to be scripts. */
export function allowScripts(): void {
  process.env[variable] = "1";
}

/** The file of the script that this process should run; undefined if there is none. */
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
