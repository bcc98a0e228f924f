import { forgetProcess, killAtExit } from "./leftovers.ts";

export interface RunOptions {
  readonly env?: Record<string, string | undefined>;
  readonly cwd?: string;
}

/** Runs a command to its end and returns what it wrote to its standard output; throws with what it wrote if it failed. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = Bun.spawn([...command], {
    ...options,
    detached: true,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  killAtExit(child.pid);
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  forgetProcess(child.pid);
  if (code !== 0)
    throw new Error(`${command.join(" ")} failed with code ${code}:\n${lastLines(output + errors)}`);
  return output;
}

export function lastLines(text: string, count = 25): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
