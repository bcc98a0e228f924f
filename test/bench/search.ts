/** The precision of a search. Rates are on a grid, on which each is `step` times the previous one. */
export interface SearchOptions {
  readonly start: number;
  readonly step: number;
  /** Grid steps to the second probe. They double for each further probe, up to a jump to twice the rate. */
  readonly firstJump: number;
  readonly lowest: number;
  /** Twice as many before it gives up on finding any rate that passes. */
  readonly probesMax: number;
}

/**
 * The highest rate that passes, to within a step; undefined if not even the lowest does.
 *
 * From where the last round ended (`start`, with a jump of 1) this takes two or three probes, so that many rounds
 * fit into little time; from a guess it takes half a dozen.
 */
export async function highestRate(
  options: SearchOptions,
  passes: (rate: number) => Promise<boolean>,
): Promise<number | undefined> {
  const { start, step, lowest, probesMax } = options;
  const rateAt = (index: number) => Math.round(step ** index);
  const bottom = Math.ceil(Math.log(lowest) / Math.log(step));
  let index = Math.max(bottom, Math.round(Math.log(start) / Math.log(step)));
  const doubling = Math.max(1, Math.round(Math.log(2) / Math.log(step)));
  let jump = options.firstJump;
  let passed: number | undefined;
  let failed: number | undefined;
  for (let probe = 0; probe < (passed === undefined ? 2 : 1) * probesMax; probe++) {
    if (await passes(rateAt(index))) passed = index;
    else failed = index;
    if (passed !== undefined && failed !== undefined) {
      if (failed - passed <= 1) break;
      index = Math.floor((passed + failed) / 2);
      continue;
    }
    if (failed === bottom) break;
    index = passed === undefined ? Math.max(bottom, index - jump) : index + jump;
    jump = Math.min(2 * jump, doubling);
  }
  return passed === undefined ? undefined : rateAt(passed);
}
