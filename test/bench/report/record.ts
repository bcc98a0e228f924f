import type { Figures } from "../../../build/figures.ts";
import { median } from "../samples.ts";

/** The recorded part of a run's results. */
export interface Run {
  /** As `Date.toISOString` has it. */
  readonly finishedAt: string;
  readonly rounds: number;
  readonly machine: { readonly processor: string; readonly cores: number };
  readonly versions: { readonly bun: string; readonly rabbitmq: string };
  readonly measures: readonly {
    readonly name: string;
    readonly series: readonly { readonly contender: string; readonly samples: readonly number[] }[];
  }[];
}

/** The earlier record, in which this run's measures replace their earlier values. */
export function recordedWith(
  before: Figures,
  { finishedAt, rounds, machine, versions, measures }: Run,
): Figures {
  const on = `${machine.cores} cores of ${machine.processor}, RabbitMQ ${versions.rabbitmq}, Bun ${versions.bun}`;
  const now = measures.flatMap(({ name, series }) => {
    const medians = series.flatMap(({ contender, samples }) => {
      const middle = median(samples);
      return middle === undefined ? [] : [[contender, middle] as const];
    });
    if (medians.length === 0) return [];
    // Some contenders carry their rate in their name.
    const named = medians.map(
      ([contender, value]) => [contender.replace(/ at [\d,]+\/s$/, ""), value] as const,
    );
    // A round in which a contender failed has no sample of it.
    const fewest = Math.min(
      rounds,
      ...series.flatMap(({ samples: { length } }) => (length > 0 ? [length] : [])),
    );
    const recorded = { day: finishedAt.slice(0, 10), rounds: fewest, on, medians: Object.fromEntries(named) };
    return [[name, recorded] as const];
  });
  return Object.fromEntries(Object.entries({ ...before, ...Object.fromEntries(now) }).toSorted());
}
