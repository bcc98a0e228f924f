/** Property tests are the same in every run; `FC_SEED=… bun test` tries others. */
export const seed = Number(Bun.env["FC_SEED"] ?? 20_100);

/** `bun run test`, and so CI, sets this variable to `all`. `bun test` itself and `bun run test:unit` are for work on a change. */
const areFew = Bun.env["WARREN_TEST_ROUNDS"] !== "all";
/** Most faults that a change makes show in a few rounds. With fewer than these, hardly anything happens in some properties. */
const fewest = 5;

/**
 * How a property is tried: with the same inputs in every run, and with so many of them. Where rounds are to be few it is the first tenth,
 * of the same inputs.
 */
export function rounds(count = 100, few = areFew): { readonly seed: number; readonly numRuns: number } {
  return { seed, numRuns: few ? Math.min(count, Math.max(fewest, Math.ceil(count / 10))) : count };
}
