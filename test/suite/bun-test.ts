import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forgetProcess, killAtExit } from "../support/leftovers.ts";
import { type Report, ReportReader } from "./report.ts";
import type { Timings } from "./timings.ts";

/** What `bun test` writes is shorter where one of these is set, and then its report cannot be read. */
const shorteningVariables = ["CLAUDECODE", "AGENT", "REPL_ID"];

export interface Run {
  readonly report: Report;
  /** Files that it did not come to, since its process ended too early. */
  readonly unreached: readonly string[];
  /** A file did not end in time, and the process was killed. */
  readonly isOverdue: boolean;
  readonly exitCode: number;
  readonly timings: Timings;
}

/** How long one file may take: the longest needs two minutes. More, and something hangs. In milliseconds. */
const fileMsMax = 6 * 60_000;

/** Hears that a file has begun, and then says so if it has not ended in time. */
export interface Watch {
  begun(): void;
  stop(): void;
}

/** @param onOverdue called once at most */
export function watchFiles(onOverdue: () => void, msMax = fileMsMax): Watch {
  let timer: NodeJS.Timeout | undefined;
  const begun = () => {
    clearTimeout(timer);
    timer = setTimeout(onOverdue, msMax);
  };
  begun();
  return { begun, stop: () => clearTimeout(timer) };
}

/** What a run may be told besides its files. */
interface RunOptions {
  readonly watch?: typeof watchFiles;
  /** Shows what it writes, whole files at a time, so that several may run at once. */
  readonly show?: (text: string) => void;
}

/**
 * Runs `bun test`, and reads what it writes. A file that does not end in time is killed, with the process that it is in and all that this
 * has started.
 */
export async function bunTest(
  files: readonly string[],
  { watch = watchFiles, show = (text) => process.stdout.write(text) }: RunOptions = {},
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), "warren-suite-"));
  const timingsFile = join(folder, "timings.json");
  const child = Bun.spawn(
    [
      ...[process.execPath, "test", "--timeout", "20000"],
      ...[`--timings=${timingsFile}`, "--update-timings"],
      ...files.map((file) => `./${file}`),
    ],
    // A group of its own, which can be killed as a whole.
    { env: quietless(process.env), detached: true, stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  killAtExit(child.pid);
  let isOverdue = false;
  const watched = watch(() => {
    isOverdue = true;
    process.kill(-child.pid, "SIGKILL");
  });
  const reader = new ReportReader();
  let shown: string[] = [];
  const showAll = () => {
    if (shown.length > 0) show(`${shown.join("\n")}\n`);
    shown = [];
  };
  await Promise.all([
    eachLine(child.stdout, (line) => shown.push(line)),
    eachLine(child.stderr, (line) => {
      if (reader.take(line)) {
        watched.begun();
        showAll();
      }
      shown.push(line);
    }),
  ]);
  const exitCode = await child.exited;
  watched.stop();
  forgetProcess(child.pid);
  showAll();
  const unreached = reader.end(files, isOverdue ? "it did not end in time" : "its process ended too early");
  const timings = Bun.file(timingsFile);
  const { files: ms = {} } = (await timings.exists()) ? ((await timings.json()) as { files?: Timings }) : {};
  rmSync(folder, { recursive: true });
  return { report: reader.report, unreached, isOverdue, exitCode, timings: ms };
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
