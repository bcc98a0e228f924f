import { median, type Series } from "../samples.ts";
import type { Measure } from "../setting.ts";
import { figure } from "./figures.ts";
import type { Results } from "./results.ts";

/** A page colour of its own, so that it reads on a light page and on a dark one. */
const colours = {
  page: "#fbfaf6",
  ink: "#2b2925",
  faint: "#6b665c",
  rule: "#e4dfd3",
  warren: "#c2661d",
  raw: "#2c6e63",
  other: "#a9a294",
};

const width = 920;
const margin = 30;
const labelWidth = 180;
const figureWidth = 185;
const barWidth = width - 2 * margin - labelWidth - figureWidth;
const rowHeight = 30;

/** The contenders' names for readers who see only the chart. */
const labels: Readonly<Record<string, string | undefined>> = {
  raw: "bare Bun, no RabbitMQ",
  naive: "naive, as durable",
  light: "light, not durable",
};

interface Panel {
  readonly title: string;
  readonly note: string;
  readonly rows: readonly Row[];
}

interface Row {
  readonly name: string;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly figure: string;
}

/** The README's chart: the contenders' relay and answer rates, and a few single figures. Undefined if these are missing. */
export function chart(results: Results): string | undefined {
  const fanOut = results.measures.find(({ name }) => name === "fan-out");
  const roundTrip = results.measures.find(({ name }) => name === "round-trip");
  if (fanOut === undefined || roundTrip === undefined) return undefined;
  const panels: Panel[] = [
    {
      title: "Relay to 1,000 clients",
      note: "most deliveries a second with p99 < 100 ms, RabbitMQ confirming",
      rows: rowsOf(fanOut, 1000, "deliveries/s"),
    },
    {
      title: "Client → processor → client",
      note: "most messages a second with p99 < 50 ms and nothing lost",
      rows: rowsOf(roundTrip, 1, "messages/s"),
    },
  ];
  const parts: string[] = [];
  let y = margin;
  for (const panel of panels) {
    parts.push(panelSvg(panel, y));
    y += 58 + panel.rows.length * rowHeight + 14;
  }
  const singles = singlesOf(results);
  if (singles.length > 0) {
    parts.push(singlesSvg(singles, y));
    y += 76;
  }
  const { machine, versions, rounds } = results;
  const foot = `${rounds === 1 ? "One round" : `Medians of ${rounds} rounds`}, line: least to most. 64-byte messages. ${machine.cores} cores for servers, RabbitMQ ${versions.rabbitmq} and clients together. Bun ${versions.bun}.`;
  parts.push(text(margin, y + 8, foot, { size: 12, fill: colours.faint }));
  const height = y + 28;
  const label = panels
    .map(({ title, rows }) => `${title}: ${rows.map((row) => `${row.name} ${row.figure}`).join(", ")}`)
    .join(". ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-sans-serif, system-ui, sans-serif" font-size="14" role="img" aria-label="${escaped(label)}">
  <rect width="${width}" height="${height}" rx="14" fill="${colours.page}"/>
${parts.join("\n")}
</svg>
`;
}

/** The fastest first. */
function rowsOf({ series }: Measure, scale: number, unit: string): Row[] {
  const rows = series.flatMap(({ contender, samples }: Series) => {
    const middle = median(samples);
    if (middle === undefined) return [];
    return [
      {
        name: contender,
        median: middle * scale,
        least: Math.min(...samples) * scale,
        most: Math.max(...samples) * scale,
        figure: `${figure(Number((middle * scale).toPrecision(3)))} ${unit}`,
      },
    ];
  });
  return rows.sort((a, b) => b.median - a.median);
}

function panelSvg({ title, note, rows }: Panel, top: number): string {
  const most = Math.max(...rows.map((row) => row.most));
  const x = (value: number) => margin + labelWidth + (value / most) * barWidth;
  const lines = [
    text(margin, top + 16, title, { size: 17, weight: 600 }),
    text(margin, top + 36, note, { size: 13, fill: colours.faint }),
  ];
  for (const [index, row] of rows.entries()) {
    const y = top + 52 + index * rowHeight;
    const middle = y + rowHeight / 2 - 4;
    const length = Math.max(1.5, x(row.median) - x(0));
    const emphasis = row.name.startsWith("warren") ? { weight: 600 } : {};
    lines.push(
      text(margin, middle + 5, labels[row.name] ?? row.name, emphasis),
      `  <rect x="${x(0)}" y="${y}" width="${length.toFixed(1)}" height="${rowHeight - 8}" rx="4" fill="${colourOf(row.name)}"/>`,
      `  <path d="M${x(row.least).toFixed(1)} ${middle}H${x(row.most).toFixed(1)}" stroke="${colours.ink}" stroke-width="1.5"/>`,
      text(x(Math.max(row.median, row.most)) + 10, middle + 5, row.figure, emphasis),
    );
  }
  return lines.join("\n");
}

function colourOf(contender: string): string {
  if (contender.startsWith("warren")) return colours.warren;
  return contender === "raw" ? colours.raw : colours.other;
}

interface Single {
  readonly figure: string;
  readonly caption: string;
}

function singlesOf({ goals, measures }: Results): Single[] {
  const ofMeasure = (name: string) => {
    const series = measures.find((measure) => measure.name === name)?.series ?? [];
    return median(series.find(({ contender }) => contender === "warren")?.samples ?? []);
  };
  const ofGoal = (what: string) => goals.find((goal) => goal.what.startsWith(what))?.value;
  const all: [number | undefined, (value: number) => string, string][] = [
    [ofMeasure("idle"), (bytes) => `${(bytes / 1024).toFixed(2)} KB`, "memory of an idle client"],
    [
      ofGoal("RabbitMQ frozen: p99, warren"),
      (times) => `${times.toFixed(2)} ×`,
      "raw's p99, RabbitMQ frozen",
    ],
    [ofMeasure("answer-p50"), (ms) => `${ms.toFixed(2)} ms`, "an answer at 500/s, p50"],
    [ofMeasure("start"), (ms) => `${ms.toFixed(0)} ms`, "start until ready"],
  ];
  return all.flatMap(([value, show, caption]) =>
    value === undefined ? [] : [{ figure: show(value), caption }],
  );
}

function singlesSvg(singles: readonly Single[], top: number): string {
  const step = (width - 2 * margin) / singles.length;
  const rule = `  <path d="M${margin} ${top}H${width - margin}" stroke="${colours.rule}" stroke-width="1.5"/>`;
  const cells = singles.flatMap(({ figure: shown, caption }, index) => [
    text(margin + index * step, top + 34, shown, { size: 21, weight: 600 }),
    text(margin + index * step, top + 54, caption, { size: 12, fill: colours.faint }),
  ]);
  return [rule, ...cells].join("\n");
}

interface Font {
  readonly size?: number;
  readonly weight?: number;
  readonly fill?: string;
}

function text(
  x: number,
  y: number,
  content: string,
  { size = 14, weight = 400, fill = colours.ink }: Font,
): string {
  return `  <text x="${x.toFixed(1)}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${fill}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
