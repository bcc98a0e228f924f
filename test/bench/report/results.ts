import { cpus, totalmem } from "node:os";
import { version } from "../../../src/version.ts";
import { type Goal, goalsOf } from "../goals.ts";
import type { Measure, Probe, Setting } from "../setting.ts";

/** The results as they are written to JSON. */
export interface Results {
  readonly finishedAt: string;
  readonly minutes: number;
  readonly isQuick: boolean;
  readonly rounds: number;
  readonly machine: { readonly processor: string; readonly cores: number; readonly memoryGb: number };
  readonly versions: { readonly warren: string; readonly bun: string; readonly rabbitmq: string };
  readonly goals: readonly Goal[];
  readonly measures: readonly Measure[];
  readonly probes: readonly Probe[];
}

export function resultsOf(setting: Setting, startedMs: number): Results {
  const { broker, rounds, isQuick, measures, probes } = setting;
  return {
    finishedAt: new Date().toISOString(),
    minutes: Number(((performance.now() - startedMs) / 60_000).toFixed(1)),
    isQuick,
    rounds,
    machine: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGb: Math.round(totalmem() / 1024 ** 3),
    },
    versions: { warren: version, bun: Bun.version, rabbitmq: broker.node.version },
    goals: goalsOf(measures),
    measures,
    probes,
  };
}
