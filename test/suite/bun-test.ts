import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Report, ReportReader } from "./report.ts";
import type { Timings } from "./timings.ts";

/** What `bun test` writes is shorter where one of these is set, and then its report cannot be read. */
const shorteningVariables = ["CLAUDECODE", "AGENT", "REPL_ID"];

export interface Run {
  readonly report: Report;
  /** Files that it did not come to, since its process ended too early. */
  readonly unreached: readonly string[];
  readonly exitCode: number;
  readonly timings: Timings;
}

/**
 * Runs `bun test` with these arguments, and reads what it writes. Shows it whole files at a time, so that several may run at once.
 *
 * @param args more than the files
 */
export async function bunTest(files: readonly string[], args: readonly string[] = []): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "warren-suite-"));
  const timingsFile = join(folder, "timings.json");
  const child = Bun.spawn(
    [
      ...[process.execPath, "test", "--timeout", "20000"],
      ...[`--timings=${timingsFile}`, "--update-timings"],
      ...args,
      ...files.map((file) => `./${file}`),
    ],
    { env: quietless(process.env), stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  const reader = new ReportReader();
  let shown: string[] = [];
  const show = () => {
    if (shown.length > 0) process.stdout.write(`${shown.join("\n")}\n`);
    shown = [];
  };
  await Promise.all([
    eachLine(child.stdout, (line) => shown.push(line)),
    eachLine(child.stderr, (line) => {
      if (reader.take(line)) show();
      shown.push(line);
    }),
  ]);
  const exitCode = await child.exited;
  show();
  const timings = Bun.file(timingsFile);
  const { files: ms = {} } = (await timings.exists()) ? ((await timings.json()) as { files?: Timings }) : {};
  rmSync(folder, { recursive: true });
  return { report: reader.report, unreached: reader.end(files), exitCode, timings: ms };
}

async function eachLine(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
}

function quietless(env: Record<string, string | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !shorteningVariables.includes(name)));
}
