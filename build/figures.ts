import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./compile.ts";

/** Where `bun run bench --record` keeps what it has printed. */
export const figuresPath = "docs/figures.json";

/** What one run of a measure has shown. */
export interface Recorded {
  /** The day, as 2026-11-26. */
  readonly day: string;
  /** How many rounds the medians are of, at least. */
  readonly rounds: number;
  /** Processor and cores, RabbitMQ and Bun. */
  readonly on: string;
  /** The medians, by contender. */
  readonly medians: Readonly<Record<string, number>>;
}

/** Recorded figures, by the name of the measure. */
export type Figures = Readonly<Record<string, Recorded>>;

/** What has been recorded so far. */
export function recordedFigures(): Figures {
  const path = join(projectFolder, figuresPath);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Figures) : {};
}

interface Row {
  readonly measure: string;
  /** The part of the benchmark that prints it. */
  readonly part: string;
  readonly what: string;
  readonly show: (value: number) => string;
  /** Contenders by their names in the benchmark, with those for readers. The first one is Warren. */
  readonly contenders: Readonly<Record<string, string>>;
}

const whole = (value: number) => Number(value.toPrecision(3)).toLocaleString("en-US");
const perSecond = (value: number) => `${whole(value)}/s`;
const ms = (value: number) => `${Number(value.toPrecision(2))} ms`;
const microseconds = (value: number) => `${Number(value.toPrecision(3))} µs`;

const relay: Row = {
  measure: "fan-out",
  part: "fan-out",
  what: "deliveries to 1,000 clients, 99 of 100 within 100 ms, RabbitMQ confirming each message",
  show: (messages) => perSecond(1000 * messages),
  contenders: { warren: "Warren", raw: "a bare Bun.serve without RabbitMQ", naive: "a naive bridge" },
};

const delivery: Row = {
  measure: "receivers",
  part: "receivers",
  what: "CPU time to hand a message to one of 10,000 clients, its share of publishing to RabbitMQ included",
  show: microseconds,
  contenders: { "warren to 10,000": "Warren", "raw to 10,000": "a bare Bun.serve without RabbitMQ" },
};

/** What the README shows, as far as it was recorded. */
const rows: readonly Row[] = [
  relay,
  delivery,
  {
    measure: "round-trip",
    part: "round-trip",
    what: "messages from a client to a processor and back, durable, 99 of 100 within 50 ms",
    show: perSecond,
    contenders: {
      warren: "Warren",
      naive: "a naive bridge, as durable",
      light: "a light one, which loses messages in a crash",
    },
  },
  {
    measure: "answer-p50",
    part: "answer",
    what: "an answer at 500/s, median",
    show: ms,
    contenders: { warren: "Warren", naive: "a naive bridge" },
  },
  {
    measure: "idle",
    part: "idle",
    what: "memory of an idle client",
    show: (bytes) => `${(bytes / 1024).toFixed(1)} KB`,
    contenders: { warren: "Warren", raw: "a bare Bun.serve" },
  },
  {
    measure: "start",
    part: "start",
    what: "start of the executable until it is ready",
    show: ms,
    contenders: { warren: "Warren" },
  },
];

/** The README's part about figures. */
export function figuresText(figures: Figures): string {
  const shown = rows.filter((row) => warrensOf(row, figures) !== undefined);
  if (shown.length === 0)
    return "No run of the benchmark on a quiet machine has been recorded of the present code: make one on yours.";
  return [
    "| | | beside it | printed by |",
    "|---|---|---|---|",
    ...shown.map((row) => lineOf(row, figures[row.measure]!.medians)),
    "",
    ...circumstancesOf(shown, figures),
  ].join("\n");
}

/** The README's first words about speed, which end a sentence; empty until it was recorded. */
export function speedText(figures: Figures): string {
  const toManyText = besideBare(relay, figures, (warren, raw) => {
    return `${warren} to 1,000 clients, where a bare Bun.serve without RabbitMQ makes ${raw}`;
  });
  const costText = besideBare(delivery, figures, (warren, raw) => {
    return `handing a message to a client takes ${warren} of CPU, where a bare Bun.serve takes ${raw}`;
  });
  const text = toManyText ?? costText;
  return text === undefined ? "" : `: ${text}`;
}

function besideBare(
  row: Row,
  figures: Figures,
  textOf: (warren: string, raw: string) => string,
): string | undefined {
  const [warren, raw] = Object.keys(row.contenders).map((name) => figures[row.measure]?.medians[name]);
  return warren === undefined || raw === undefined ? undefined : textOf(row.show(warren), row.show(raw));
}

/** Warren's figure; undefined if none was recorded. A run in which Warren failed says nothing, whatever others did beside it. */
function warrensOf({ measure, contenders }: Row, figures: Figures): number | undefined {
  const [warren] = Object.keys(contenders);
  return figures[measure]?.medians[warren!];
}

function lineOf({ part, what, show, contenders }: Row, medians: Readonly<Record<string, number>>): string {
  const values = Object.entries(contenders).flatMap(([contender, name]) => {
    const value = medians[contender];
    return value === undefined ? [] : [{ name, text: show(value) }];
  });
  const [warren, ...others] = values;
  const beside = others.map(({ name, text }) => `${name}: ${text}`).join("; ");
  return `| ${what} | **${warren!.text}** | ${beside} | \`bun run bench --only ${part}\` |`;
}

/** One line if all are of the same run, otherwise one for each, with what it is about. */
function circumstancesOf(shown: readonly Row[], figures: Figures): readonly string[] {
  const parts = Map.groupBy(shown, ({ measure }) => circumstances(figures[measure]!));
  if (parts.size === 1) return [...parts.keys()];
  return [...parts].map(([line, of]) => `- ${of.map(({ part }) => `\`${part}\``).join(", ")}: ${line}`);
}

function circumstances({ day, rounds, on }: Recorded): string {
  return `${rounds === 1 ? "One round" : `Medians of ${rounds} rounds`} on ${day}: ${on}, for servers, RabbitMQ and clients together.`;
}
