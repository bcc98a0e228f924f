/** One number that `/metrics` shows. It is read when asked for, so that counting costs an increment and no more. */
export interface Metric {
  /** With its unit, as Prometheus has it: `warren_outbox_bytes`, `…_total` for a counter. */
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  read(): number;
}

/** Several numbers of one name, told apart by a label. */
export interface LabelledMetric extends Omit<Metric, "read"> {
  readonly label: string;
  /** By the label's value, which needs no escaping. */
  readEach(): Iterable<readonly [value: string, number: number]>;
}

/** Counts by the values of a label. They are known beforehand, so that `/metrics` shows those that never came, too. */
export class LabelledCounter<Value extends string> {
  readonly #counts: Map<Value, number>;
  readonly metric: LabelledMetric;

  constructor(described: Pick<LabelledMetric, "name" | "help" | "label">, values: Iterable<Value>) {
    this.#counts = new Map(Array.from(values, (value) => [value, 0]));
    this.metric = { ...described, type: "counter", readEach: () => this.#counts };
  }

  add(value: Value): void {
    this.#counts.set(value, this.#counts.get(value)! + 1);
  }
}

/** How often values up to each of some bounds came. */
export interface HistogramMetric extends Pick<Metric, "name" | "help"> {
  readonly type: "histogram";
  readHistogram(): {
    /** The upper bounds, rising, each with how many values were no larger. */
    readonly buckets: readonly (readonly [bound: number, count: number])[];
    readonly count: number;
    readonly sum: number;
  };
}

export type AnyMetric = Metric | LabelledMetric | HistogramMetric;

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Prometheus' text exposition format 0.0.4. */
export function exposition(metrics: readonly AnyMetric[]): string {
  return metrics
    .map(
      (metric) =>
        `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n${samples(metric)}`,
    )
    .join("");
}

function samples(metric: AnyMetric): string {
  const { name } = metric;
  if (metric.type === "histogram") {
    const { buckets, count, sum } = metric.readHistogram();
    const lines = buckets.map(([bound, upTo]) => `${name}_bucket{le="${bound}"} ${upTo}\n`);
    return `${lines.join("")}${name}_bucket{le="+Inf"} ${count}\n${name}_sum ${sum}\n${name}_count ${count}\n`;
  }
  if (!("label" in metric)) return `${name} ${metric.read()}\n`;
  return Array.from(
    metric.readEach(),
    ([value, number]) => `${name}{${metric.label}="${value}"} ${number}\n`,
  ).join("");
}

/** What every process says of itself. */
export const processMetrics: readonly Metric[] = [
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    help: "Resident memory of the process in bytes.",
    read: () => process.memoryUsage.rss(),
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    help: "User and system CPU time of the process in seconds.",
    read() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "When the process started, in seconds since 1970.",
    read: () => Math.round(performance.timeOrigin / 1000),
  },
];
