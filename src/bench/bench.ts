import { type BenchOptions, makeRunId, Plan } from "./plan.ts";
import type { Output } from "./progress.ts";
import { exitCodeOf } from "./result.ts";
import { Run } from "./run.ts";
import { renderTable } from "./table.ts";

/**
 * Loads a manager and reports how it did on `output`, and how it is going on `progress`. Returns the exit code: 1 if
 * anything was lost or any connection failed or was closed. When `signal` aborts, it stops early and still reports.
 *
 * Throws a `UsageError` if the run is too large to account for, and a `FatalError` if there is no one to connect to.
 */
export async function runBench(
  options: BenchOptions,
  output: Output,
  progress: Output,
  signal: AbortSignal,
): Promise<number> {
  const run = new Run(new Plan(options, makeRunId()));
  const result = await run.measure(progress, signal);
  output.write(options.json ? `${JSON.stringify(result)}\n` : renderTable(result));
  return exitCodeOf(result);
}
