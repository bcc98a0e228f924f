import type { Goal } from "../goals.ts";
import { median } from "../samples.ts";
import type { Measure } from "../setting.ts";
import { figure } from "./figures.ts";

/** A measure as a Markdown table, aligned so that it reads well as it is, too. */
export function measureTable({ title, unit, series }: Measure): string {
  const first = median(series[0]?.samples ?? []);
  const rows = series.map(({ contender, samples, failures }) => {
    const middle = median(samples);
    const count =
      failures.length === 0 ? `${samples.length}` : `${samples.length}, ${failures.length} failed`;
    if (middle === undefined) return [contender, "-", "-", "-", count];
    const spread = `${figure(Math.min(...samples))} … ${figure(Math.max(...samples))}`;
    const relative = first ? `${figure(middle / first)} ×` : "-";
    return [contender, figure(middle), spread, relative, count];
  });
  const failures = series.flatMap(({ contender, failures }) =>
    [...new Set(failures)].map((reason) => `\n${contender} failed: ${reason}`),
  );
  const head = ["", `median, ${unit}`, "least … most", `÷ ${series[0]?.contender ?? ""}`, "rounds"];
  return `${title}\n\n${markdown([head, ...rows])}\n${failures.join("\n")}`;
}

export function goalTable(goals: readonly Goal[]): string {
  const rows = goals
    .filter(({ value }) => value !== undefined)
    .map(({ what, goal, value, unit, isReached }) => [
      what,
      goal,
      `${figure(value!)} ${unit}`,
      isReached ? "yes" : "no",
    ]);
  return `${markdown([["what", "goal", "measured", "reached"], ...rows])}\n`;
}

/** The first column to the left, the others to the right. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const lines = rows.map((row) =>
    line(
      row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      ),
    ),
  );
  const rule = line(
    widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)),
  );
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}
