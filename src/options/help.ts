import { flagOf, variableOf } from "./names.ts";
import { type Option, roles } from "./option.ts";
import { type OptionName, optionTable } from "./table.ts";

interface Row {
  readonly flag: string;
  readonly fallback: string;
  readonly meaning: string;
  readonly roles: readonly string[];
}

const rows: readonly Row[] = (Object.keys(optionTable) as OptionName[]).map((name) => {
  const option = optionTable[name] as unknown as Option<unknown>;
  return {
    flag: `${flagOf(name)} ${option.kind.placeholder}`.trim(),
    fallback: option.default === undefined ? (option.unset ?? "") : option.kind.show(option.default),
    meaning: option.meaning,
    roles: option.roles,
  };
});

/** What `warren --help` prints. */
export function helpText(): string {
  const sections: readonly (readonly [string, (row: Row) => boolean])[] = [
    ["Any role", (row) => row.roles.length >= roles.length - 1],
    ["Manager (and all)", (row) => row.roles.includes("manager") && !row.roles.includes("processor")],
    ["Processor (and all)", (row) => row.roles.includes("processor") && !row.roles.includes("manager")],
    ["Bench", (row) => row.roles.length === 1],
  ];
  const lines = [
    "Warren, a WebSocket gateway for RabbitMQ.",
    "",
    "  warren                                         a whole system in one process: open http://127.0.0.1:8000",
    "  warren --role manager --broker amqp://HOST     WebSocket clients, in front of RabbitMQ",
    "  warren --role processor --broker amqp://HOST   the work behind it",
    "  warren --role bench --url ws://HOST:8000/ws    load a manager and measure",
  ];
  for (const [title, belongs] of sections) {
    lines.push("", `${title}:`);
    for (const row of rows.filter(belongs)) {
      const fallback = row.fallback.replaceAll("`", "");
      const meaning = row.meaning.replaceAll("`", "");
      lines.push(`  ${row.flag}`, ...wrapped(`${meaning} (default: ${fallback})`));
    }
  }
  lines.push(
    "",
    "  -h, --help",
    "  -v, --version",
    "",
    `Every option is an environment variable too: --broker is ${variableOf("broker")}. Flags win.`,
    "A size is a number of bytes, or 64KiB, 1MiB, 2GiB; a time is in seconds, or 500ms, 10s, 5m, 1h, 7d.",
    "Exit codes: 0 stopped as asked, 1 a fault that no retry can mend (bench: messages lost), 2 a usage error.",
  );
  return lines.join("\n");
}

/** Indented lines of at most 90 columns. */
function wrapped(text: string): string[] {
  return [...text.matchAll(/\S.{0,80}(?=\s|$)/g)].map(([line]) => `        ${line}`);
}

/** The README's table; a test compares the two. */
export function markdownTable(): string {
  const code = (value: string) => (value.includes("`") || value === "built in" ? value : `\`${value}\``);
  return [
    "| flag | default | for | meaning |",
    "|---|---|---|---|",
    ...rows.map((row) => {
      const who =
        row.roles.length === roles.length ? "any" : row.roles.filter((role) => role !== "all").join(", ");
      return `| \`${row.flag.replaceAll("|", "\\|")}\` | ${code(row.fallback)} | ${who} | ${row.meaning} |`;
    }),
  ].join("\n");
}
