/** The result of one scenario. */
export interface Row {
  readonly scenario: string;
  readonly sent: number;
  readonly confirmed: number;
  readonly processed: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  /** How many repeats the windows allow. */
  readonly duplicatedMax: number;
  readonly reordered: number;
  readonly longestOutageMs: number;
  /** The time since delivery could resume; undefined if nothing was interrupted. */
  readonly resumedMs: number | undefined;
  readonly deadLettered: number;
  /** Other measurements, in words. */
  readonly figures: string;
}

const columns: readonly (readonly [string, (row: Row) => string | number])[] = [
  ["scenario", ({ scenario }) => scenario],
  ["sent", ({ sent }) => sent],
  ["confirmed", ({ confirmed }) => confirmed],
  ["processed", ({ processed }) => processed],
  ["delivered", ({ delivered }) => delivered],
  ["dead-lettered", ({ deadLettered }) => deadLettered],
  ["lost", ({ lost }) => lost],
  ["duplicated", ({ duplicated }) => duplicated],
  ["reordered", ({ reordered }) => reordered],
  ["longest outage", ({ longestOutageMs }) => seconds(longestOutageMs)],
  ["resumed after", ({ resumedMs }) => (resumedMs === undefined ? "" : seconds(resumedMs))],
  ["also", ({ figures }) => figures],
];

/** The rows as Markdown. */
export function table(rows: readonly Row[]): string {
  const lines = [columns.map(([name]) => name), columns.map((_, index) => (index === 0 ? "---" : "---:"))];
  for (const row of rows) lines.push(columns.map(([, cell]) => String(cell(row))));
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
