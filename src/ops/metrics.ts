import { version } from "../version.ts";

/** A number for `/metrics`. It is read on request, so that counting costs only an increment. */
export interface Metric {
  /** The name with its unit, as Prometheus has it: `warren_outbox_bytes`, `…_total` for a counter. */
  readonly name: string;
  /** Prometheus' name for its kind. */
  readonly type: "counter" | "gauge";
  /** A sentence, for `# HELP` and the docs. */
  readonly help: string;
  /** Labels that never change, such as a version. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its value now. */
  read(): number;
}

/** Several numbers of one name, told apart by a label. */
export interface LabelledMetric extends Omit<Metric, "read"> {
  /** The label's name. */
  readonly label: string;
  /** The values now, by the label's. */
  readEach(): Iterable<readonly [value: string, number: number]>;
}

/** Counts by the values of a label. The values are given in advance, so that `/metrics` also shows those that never occurred. */
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

/** How often values up to each of some bounds occurred. */
export interface HistogramMetric extends Pick<Metric, "name" | "help"> {
  /** Prometheus' name for its kind. */
  readonly type: "histogram";
  /** Its values now. */
  readHistogram(): {
    /** The upper bounds, rising, each with how many values were no larger. */
    readonly buckets: readonly (readonly [bound: number, count: number])[];
    readonly count: number;
    readonly sum: number;
  };
}

/** A metric of any kind. */
export type AnyMetric = Metric | LabelledMetric | HistogramMetric;

/** The formats of `/metrics`: Prometheus' own text format, and OpenMetrics, which is based on it. */
export const formats = {
  text: { contentType: "text/plain; version=0.0.4; charset=utf-8" },
  openMetrics: { contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8" },
} as const;
/** A format of `/metrics`. */
export type Format = keyof typeof formats;

/** OpenMetrics if the request accepts it, as Prometheus' requests do. */
export function formatFor(accept: string | null): Format {
  return accept?.includes("application/openmetrics-text") === true ? "openMetrics" : "text";
}

/** The text of `/metrics`. */
export function exposition(metrics: readonly AnyMetric[], format: Format = "text"): string {
  let text = "";
  for (const metric of metrics) {
    // OpenMetrics names a counter without the ending of its sample.
    const family = format === "openMetrics" ? metric.name.replace(/_total$/, "") : metric.name;
    text += `# HELP ${family} ${metric.help}\n# TYPE ${family} ${metric.type}\n${samples(metric)}`;
  }
  return format === "openMetrics" ? `${text}# EOF\n` : text;
}

function samples(metric: AnyMetric): string {
  const { name } = metric;
  if (metric.type === "histogram") {
    const { buckets, count, sum } = metric.readHistogram();
    const lines = buckets.map(([bound, upTo]) => `${name}_bucket{le="${decimal(bound)}"} ${upTo}\n`);
    return `${lines.join("")}${name}_bucket{le="+Inf"} ${count}\n${name}_sum ${sum}\n${name}_count ${count}\n`;
  }
  if (!("label" in metric)) return `${name}${labelled(metric.labels ?? {})} ${metric.read()}\n`;
  let lines = "";
  for (const [value, number] of metric.readEach())
    lines += `${name}${labelled({ [metric.label]: value })} ${number}\n`;
  return lines;
}

function labelled(labels: Readonly<Record<string, string>>): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return texts.length === 0 ? "" : `{${texts.join(",")}}`;
}

/** Values may be clients' own texts, such as topics. */
function escaped(text: string): string {
  return text.replaceAll(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

/** `1.0`, as OpenMetrics writes the bounds of buckets. */
function decimal(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

/** Warren's version, as a label of a number that is always 1. */
export function buildInfo(role: string): Metric {
  return {
    name: "warren_build_info",
    type: "gauge",
    help: "Always 1. The labels say which Warren this is, on which Bun, and in which role.",
    labels: { version, bun: Bun.version, role },
    read: () => 1,
  };
}

/** The metrics of every process. */
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
