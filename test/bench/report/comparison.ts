import { statSync } from "node:fs";
import { median } from "../samples.ts";
import type { Measure } from "../setting.ts";
import { figure } from "./figures.ts";
import { markdown } from "./tables.ts";

/** The name of the measure with the ratios of another measure, round by round. */
export const ratiosOf = (name: string) => `${name}-ratio`;

/**
 * One table of all that `--before` measured: what each hot path takes both executables, and how much that is of what it took before.
 *
 * @param executables the earlier one and the other one
 */
export function comparison(measures: readonly Measure[], executables: readonly [string, string]): string {
  const paths = measures.flatMap((measure) => {
    const ratios = measures.find(({ name }) => name === ratiosOf(measure.name));
    return ratios === undefined ? [] : [row(measure, ratios)];
  });
  const [before, now] = executables.map((path) => statSync(path).size / 1e6) as [number, number];
  const size = [
    "size of the executable",
    `${before.toFixed(2)} MB`,
    `${now.toFixed(2)} MB`,
    times(now / before),
    "",
    "",
  ];
  const head = ["", "warren before", "warren", "warren ÷ before", "least … most", "rounds"];
  const failures = measures.flatMap(({ title, series }) =>
    series.flatMap((one) => one.failures.map((reason) => `\n${title} failed: ${reason}`)),
  );
  return `${markdown([head, ...paths, size])}\n${[...new Set(failures)].join("\n")}`;
}

function row({ title, unit, series }: Measure, { series: [ratios] }: Measure): string[] {
  const samples = ratios?.samples ?? [];
  const ratio = median(samples);
  if (ratio === undefined) return [title, "-", "-", "-", "-", "0"];
  const [before, now] = series.map((one) => `${figure(median(one.samples) ?? Number.NaN)} ${unit}`) as [
    string,
    string,
  ];
  const spread = `${times(Math.min(...samples))} … ${times(Math.max(...samples))}`;
  return [title, before, now, times(ratio), spread, `${samples.length}`];
}

/** Three digits after the point, so that three per cent can be seen. */
function times(ratio: number): string {
  return `${ratio.toFixed(3)} ×`;
}
