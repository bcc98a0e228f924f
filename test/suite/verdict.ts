import { hasFailed, type Report } from "./report.ts";

export interface Verdict {
  readonly passed: number;
  /** Tests that failed in every try. */
  readonly failed: readonly string[];
  /** Tests that failed in one try and passed in the other. They count as passed. */
  readonly unsteady: readonly string[];
}

/**
 * Combines a run with the second try of its failed files. A test has failed if it failed in both tries, or was not tried twice.
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
      // A failed hook is reported like a test, and a hook that passes is not reported at all.
      const isHook = tries.length === 1 && failures[0] && again !== undefined && !hasFailed(again);
      if (isHook) unsteady.push(`${file}: ${name}`);
      else if (failures.every(Boolean)) failed.push(`${file}: ${name}`);
      else passed++;
      if (failures.includes(true) && failures.includes(false)) unsteady.push(`${file}: ${name}`);
    }
    // A fault is not a test, so it never counts as passed.
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
