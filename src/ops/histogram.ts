import type { HistogramMetric } from "./metrics.ts";

/** The bounds for waiting times, from half a millisecond to ten seconds. In seconds. */
const waitBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const;

/**
 * Counts values by ranges, as Prometheus requires. `perf_hooks` has finer histograms, but Prometheus cannot combine their percentiles over
 * several processes. Recording costs a few comparisons and allocates nothing.
 */
export class Histogram {
  readonly #bounds: readonly number[];
  /** One more than there are bounds: the last count is for larger values. */
  readonly #counts: Float64Array;
  #sum = 0;
  readonly metric: HistogramMetric;

  /** @param bounds rising, in the unit of the name */
  constructor(described: Pick<HistogramMetric, "name" | "help">, bounds: readonly number[] = waitBounds) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
    this.metric = { ...described, type: "histogram", readHistogram: () => this.#read() };
  }

  /** @param weight how often the value occurred */
  record(value: number, weight = 1): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index++;
    this.#counts[index]! += weight;
    this.#sum += value * weight;
  }

  #read() {
    let count = 0;
    const buckets = this.#bounds.map((bound, index) => {
      count += this.#counts[index]!;
      return [bound, count] as const;
    });
    return { buckets, count: count + this.#counts[this.#bounds.length]!, sum: this.#sum };
  }
}
