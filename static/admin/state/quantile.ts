import type { Samples } from "./exposition.ts";

/**
 * A quantile of what a histogram counted between two readings, as Prometheus' `histogram_quantile` estimates it.
 *
 * @param share 0.99 for the 99th percentile
 * @returns in the unit of the metric; undefined if nothing was counted
 */
export function quantileBetween(
  before: Samples,
  now: Samples,
  name: string,
  share: number,
): number | undefined {
  const old = new Map(bucketsOf(before, name));
  const buckets = bucketsOf(now, name).map(
    ([bound, count]) => [bound, count - (old.get(bound) ?? 0)] as const,
  );
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total <= 0) return undefined;
  const rank = share * total;
  let [lower, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank) {
      // How far beyond the last bound it is cannot be known.
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}

function bucketsOf(samples: Samples, name: string): readonly (readonly [bound: number, count: number])[] {
  return (samples.get(`${name}_bucket`) ?? []).map(({ labels, value }) => [
    labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels["le"]),
    value,
  ]);
}
