import { availableParallelism } from "node:os";
import { join } from "node:path";
import { executable } from "../support/executable.ts";
import { bunTest, type Run } from "./bun-test.ts";
import { aloneFiles, lanesOf } from "./lanes.ts";
import { type Fault, failedFiles, type Report } from "./report.ts";
import { readTimings, writeTimings } from "./timings.ts";
import { linesOf, verdictOf } from "./verdict.ts";

/**
 * The tests: `bun run test [--second-try] [--lanes N] [--update-timings] [part of a file's path]…`. Files run beside each other, two at
 * a time where there are two cores, and those that measure alone. With `--second-try` the files in which a test failed are
 * run once more. What then passes is said to be unsteady; what fails again has failed. `--update-timings` writes down how long each
 * file took.
 */
const usage = "usage: bun run test [--second-try] [--lanes N] [--update-timings] [PART OF A PATH]…";
/** Each lane has its own RabbitMQ and browsers. With more than two lanes, tests slow each other down. */
const lanesMax = 2;
/** If tests fail in more files than this, they are not tried again, since chance is not the cause. */
const secondTryFilesMax = 20;

const { flags, parts } = readArguments(process.argv.slice(2));
const projectFolder = join(import.meta.dir, "../..");
process.chdir(projectFolder);
// Here properties are tried with all of their inputs, unless few are asked for.
process.env["WARREN_TEST_ROUNDS"] ??= "all";
const all = [...new Bun.Glob("test/**/*.test.ts").scanSync({ cwd: projectFolder })].toSorted();
const files = all.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));

const report: Report = new Map();
const timings: Record<string, number> = {};
// Otherwise each lane would build it.
if (files.some((file) => file.startsWith("test/integration/"))) await executable();
const startedAt = performance.now();
const besideOthers = files.filter((file) => !aloneFiles.includes(file));
const lanes = lanesOf(besideOthers, flags.lanes, await readTimings());
const suspects: string[] = [];
const runs = await Promise.all(lanes.map(async (lane) => take(await bunTest(lane))));
await runAlone([...files.filter((file) => aloneFiles.includes(file)), ...runs.flat()]);
for (const file of suspects) await runApart(file);
const failed = failedFiles(report);
if (flags.updateTimings) await writeTimings(timings, all);
const second = await trySecond();

const verdict = verdictOf(report, second);
process.stdout.write(`\n${linesOf(verdict).join("\n")}\n`);
process.stdout.write(`${lanes.length} lanes, ${Math.round((performance.now() - startedAt) / 1000)} s\n`);
process.exit(verdict.failed.length === 0 && verdict.passed > 0 ? 0 : 1);

/** Returns the files that are still to be run. If a process was killed, one of its remaining files may have hung: these are `suspects`. */
function take(run: Run): readonly string[] {
  note(run);
  if (!run.isOverdue) return run.unreached;
  suspects.push(...run.unreached);
  return [];
}

function note(run: Run): void {
  for (const [name, file] of run.report) report.set(name, file);
  Object.assign(timings, run.timings);
  if (run.exitCode !== 0 && !run.isOverdue && failedFiles(run.report).length === 0)
    blame(`bun test ended with ${run.exitCode}`, "its process ended too early");
}

function blame(file: string, fault: Fault): void {
  report.set(file, { tests: new Map(), fault });
}

/** Runs files one after the other in one process. If it dies, another process runs the remaining files. */
async function runAlone(todo: readonly string[]): Promise<void> {
  if (todo.length === 0) return;
  const left = take(await bunTest(todo));
  if (left.length < todo.length) await runAlone(left);
  else for (const name of left) blame(name, "its process ended too early");
}

/** Runs a file in a process of its own, to find out whether it hangs. */
async function runApart(file: string): Promise<void> {
  const run = await bunTest([file]);
  note(run);
  const fault = run.isOverdue ? "it did not end in time" : "its process ended too early";
  for (const name of run.unreached) blame(name, fault);
}

async function trySecond(): Promise<Report> {
  const again: Report = new Map();
  if (!flags.secondTry || failed.length > secondTryFilesMax) return again;
  for (const file of failed) {
    process.stdout.write(`\n== a second try: ${file}\n`);
    const run = await bunTest([file]);
    for (const [name, tests] of run.report) again.set(name, tests);
  }
  return again;
}

function readArguments(args: readonly string[]) {
  const flags = { secondTry: false, updateTimings: false, lanes: Math.min(lanesMax, availableParallelism()) };
  const parts: string[] = [];
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    if (arg === "--second-try") flags.secondTry = true;
    else if (arg === "--update-timings") flags.updateTimings = true;
    else if (arg === "--lanes") flags.lanes = Number(left.shift());
    else if (arg.startsWith("-")) fail(`unknown option ${arg}; for others run bun test itself`);
    else parts.push(arg.replace(/^\.\//, ""));
  }
  if (!Number.isInteger(flags.lanes) || flags.lanes < 1) fail("--lanes takes a number from 1");
  return { flags, parts };
}

function fail(what: string): never {
  process.stderr.write(`${what}\n${usage}\n`);
  process.exit(2);
}
