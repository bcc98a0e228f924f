import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./compile.ts";

/** Where `bun run bench --record` keeps what it has printed. */
export const figuresPath = "docs/figures.json";

/** What one run of a measure has shown. */
export interface Recorded {
  /** The day, as 2026-11-26. */
  readonly day: string;
  /** How many rounds the medians are of. */
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

/** What the README shows, as far as it was recorded. */
const rows: readonly Row[] = [
  {
    measure: "fan-out",
    part: "fan-out",
    what: "deliveries to 1,000 clients, 99 of 100 within 100 ms, RabbitMQ confirming each message",
    show: (messages) => perSecond(1000 * messages),
    contenders: { warren: "Warren", raw: "a bare Bun.serve without RabbitMQ", naive: "a naive bridge" },
  },
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
  // A run in which Warren failed says nothing, whatever others did beside it.
  const shown = rows.filter(({ measure }) => figures[measure]?.medians["warren"] !== undefined);
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
  const [relay] = rows;
  const { warren, raw } = figures[relay!.measure]?.medians ?? {};
  if (warren === undefined || raw === undefined) return "";
  return `: ${relay!.show(warren)} to 1,000 clients, where a bare Bun.serve without RabbitMQ makes ${relay!.show(raw)}`;
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
