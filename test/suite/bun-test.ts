import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forgetProcess, killAtExit } from "../support/leftovers.ts";
import { type Report, ReportReader } from "./report.ts";
import type { Timings } from "./timings.ts";

/** Variables that make the output of `bun test` shorter, so that it cannot be parsed. */
const shorteningVariables = ["CLAUDECODE", "AGENT", "REPL_ID"];

export interface Run {
  readonly report: Report;
  /** The files that were not run, since the process ended too early. */
  readonly unreached: readonly string[];
  /** Whether a file did not end in time, so that the process was killed. */
  readonly isOverdue: boolean;
  readonly exitCode: number;
  readonly timings: Timings;
}

/** A file that takes longer than this hangs, in milliseconds. The longest one needs two minutes. */
const fileMsMax = 6 * 60_000;

/** A timer that is started with each file, and reports a file that has not ended in time. */
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

/** Options of a run besides its files. */
interface RunOptions {
  readonly watch?: typeof watchFiles;
  /** Shows the output, file by file, so that several runs may write at the same time. */
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
