import { join } from "node:path";
import { type Refusal, refusals } from "../src/gateway/guards/refusals.ts";
import { markdownTable } from "../src/options/help.ts";
import { type CloseCode, closeCodes } from "../src/wire/close-codes.ts";
import { projectFolder } from "./compile.ts";
import { dashboard } from "./dashboard.ts";
import { figuresText, recordedFigures, speedText } from "./figures.ts";
import { limitsTable } from "./limits.ts";
import { allMetrics } from "./metrics.ts";

/** A part of a document that is made of data in the code. It stands between `<!-- NAME -->` and `<!-- /NAME -->`. */
export interface GeneratedPart {
  readonly document: string;
  readonly name: string;
  readonly text: string;
  /** Whether it stands within a sentence. */
  readonly isInline?: boolean;
}

/** `bun run docs` writes them, and a test compares. */
export const generatedParts: readonly GeneratedPart[] = [
  { document: "README.md", name: "speed", text: speedText(recordedFigures()), isInline: true },
  { document: "README.md", name: "figures", text: figuresText(recordedFigures()) },
  { document: "docs/options.md", name: "options", text: markdownTable() },
  { document: "docs/protocol.md", name: "refusals", text: refusalsTable() },
  { document: "docs/protocol.md", name: "close codes", text: closeCodesTable() },
  { document: "docs/operations.md", name: "limits", text: limitsTable() },
  { document: "docs/operations.md", name: "metrics", text: metricsTable(await allMetrics()) },
];

function refusalsTable(): string {
  return [
    "| status | `reason` in metrics | when | what to do |",
    "|---|---|---|---|",
    ...Object.entries<Refusal>(refusals)
      .toSorted(([, one], [, other]) => one.status - other.status)
      .map(([name, { status, meaning, advice }]) => `| ${status} | ${name} | ${meaning} | ${advice} |`),
  ].join("\n");
}

function closeCodesTable(): string {
  return [
    "| code | reason | when | what to do | reconnect |",
    "|---|---|---|---|---|",
    ...Object.values<CloseCode>(closeCodes)
      .toSorted((one, other) => one.code - other.code)
      .map(
        ({ code, reason, meaning, advice, reconnect }) =>
          `| ${code} | ${reason} | ${meaning} | ${advice} | ${reconnect} |`,
      ),
  ].join("\n");
}

function metricsTable(metrics: Awaited<ReturnType<typeof allMetrics>>): string {
  return (["every", "manager", "processor"] as const)
    .flatMap((role) => [
      role === "every" ? "Every role:" : `A ${role} (and \`--role all\`):`,
      "",
      "| name | type | meaning |",
      "|---|---|---|",
      ...metrics[role].map(
        (metric) =>
          `| \`${metric.name}\`${"label" in metric ? ` by \`${metric.label}\`` : ""} | ${metric.type} | ${metric.help} |`,
      ),
      "",
    ])
    .join("\n")
    .trimEnd();
}

/** The document with the part as it should be. */
export function withPart(
  document: string,
  { document: path, name, text, isInline = false }: GeneratedPart,
): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no ${begin} … ${end}`);
  const around = isInline ? "" : "\n\n";
  return `${document.slice(0, from)}${begin}${around}${text}${around}${document.slice(to)}`;
}

/** Whole files that are made of data in the code, by path. */
export const generatedFiles: Readonly<Record<string, string>> = { "ops/grafana/warren.json": dashboard() };

if (import.meta.main) {
  for (const [path, text] of Object.entries(generatedFiles)) await Bun.write(join(projectFolder, path), text);
  for (const part of generatedParts) {
    const path = join(projectFolder, part.document);
    await Bun.write(path, withPart(await Bun.file(path).text(), part));
  }
}
