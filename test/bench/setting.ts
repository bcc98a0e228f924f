import type { Series } from "./samples.ts";
import type { BenchBroker } from "./systems/broker.ts";

/** One table of the report. */
export interface Measure {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
}

/** The result of one load, kept so that a figure can be traced back. */
export interface Probe {
  readonly measure: string;
  readonly contender: string;
  readonly rate: number;
  /** Why it does not count; null if it does. */
  readonly fault: string | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** CPU seconds a second of the process that the clients are connected to, and of the generator: 1 is a core. */
  readonly serverCores: number | null;
  readonly generatorCores: number;
}

/** The setting that all cases of a run share. */
export interface Setting {
  readonly broker: BenchBroker;
  readonly rounds: number;
  readonly isQuick: boolean;
  /** The executable that this one is compared with; undefined: it is compared with other ways to do the same. */
  readonly before?: string | undefined;
  /** The executable that is compared with it; undefined: the one of this source. */
  readonly now?: string | undefined;
  /** If given, only this kind of hostile client is run. */
  readonly kind?: string | undefined;
  readonly probes: Probe[];
  /** The measures of the cases before this one. */
  readonly measures: Measure[];
  say(line: string): void;
}

/** A part of the benchmark that can be run by itself. */
export interface Case {
  readonly name: string;
  readonly what: string;
  /** Whether `--quick` runs it. */
  readonly isQuick: boolean;
  run(setting: Setting): Promise<readonly Measure[]>;
}
