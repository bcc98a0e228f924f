import { type Report, ReportReader } from "./report.ts";

/** What `bun test` writes is shorter where one of these is set, and then its report cannot be read. */
const shorteningVariables = ["CLAUDECODE", "AGENT", "REPL_ID"];

export interface Run {
  readonly report: Report;
  readonly exitCode: number;
}

/**
 * Runs `bun test` with these arguments, shows what it writes while it does, and reads it.
 * @param files what of the arguments are files: each of them has to be reported
 */
export async function bunTest(args: readonly string[], files: readonly string[] = []): Promise<Run> {
  const env: Record<string, string | undefined> = { ...process.env };
  for (const name of shorteningVariables) delete env[name];
  const child = Bun.spawn([process.execPath, "test", "--timeout", "20000", ...args], {
    env,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
  });
  const reader = new ReportReader();
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of child.stderr) {
    process.stderr.write(bytes);
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) reader.take(line);
  }
  reader.take(rest);
  const exitCode = await child.exited;
  return { report: reader.end(files), exitCode };
}
