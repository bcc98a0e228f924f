import { hasFailed, type Report } from "./report.ts";

export interface Verdict {
  readonly passed: number;
  /** What failed on every try that it was given. */
  readonly failed: readonly string[];
  /** What failed on one try and passed on the other. It counts as passed, too. */
  readonly unsteady: readonly string[];
}

/**
 * What becomes of a run and of the second try of the files that failed in it. A test has failed if it did so twice, or was
 * not tried twice.
 */
export function verdictOf(first: Report, second: Report = new Map()): Verdict {
  let passed = 0;
  const failed: string[] = [];
  const unsteady: string[] = [];
  for (const [file, { fault, tests }] of first) {
    const again = second.get(file);
    for (const name of new Set([...tests.keys(), ...(again?.tests.keys() ?? [])])) {
      const tries = [tests.get(name), again?.tests.get(name)].filter((one) => one !== undefined);
      const failures = tries.map((one) => one === "failed");
      // A hook that fails is reported as if it were a test, and one that does not fail is not reported.
      const isHook = tries.length === 1 && failures[0] && again !== undefined && !hasFailed(again);
      if (isHook) unsteady.push(`${file}: ${name}`);
      else if (failures.every(Boolean)) failed.push(`${file}: ${name}`);
      else passed++;
      if (failures.includes(true) && failures.includes(false)) unsteady.push(`${file}: ${name}`);
    }
    // A fault is no test: it counts as failed, or not at all.
    if (fault === undefined) continue;
    const isAgain = again === undefined || again.fault !== undefined;
    (isAgain ? failed : unsteady).push(`${file}: ${fault}`);
  }
  return { passed, failed, unsteady };
}

/** The verdict's lines. The last of them is what `.ci/run` reads. */
export function linesOf({ passed, failed, unsteady }: Verdict): string[] {
  return [
    ...unsteady.map((what) => `unsteady: passed on the second try: ${what}`),
    ...failed.map((what) => `failed: ${what}`),
    `== ${passed} passed, ${failed.length} failed, ${unsteady.length} unsteady`,
  ];
}
