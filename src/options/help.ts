import { type Option, roles } from "./kinds/option.ts";
import { flagOf, variableOf } from "./names.ts";
import { sections } from "./table.ts";

interface Row {
  readonly flag: string;
  readonly fallback: string;
  readonly meaning: string;
  readonly roles: readonly string[];
  readonly section: string;
}

const rows: readonly Row[] = Object.entries(sections).flatMap(([section, options]) =>
  Object.entries<Option<unknown>>(options).map(([name, option]) => ({
    flag: `${flagOf(name)} ${option.kind.placeholder}`.trim(),
    fallback: option.default === undefined ? (option.unset ?? "") : option.kind.show(option.default),
    meaning: option.meaning,
    roles: option.roles,
    section,
  })),
);

/** What `warren --help` prints, in at most 80 columns. */
export function helpText(): string {
  const lines = [
    "Warren, a WebSocket gateway for RabbitMQ.",
    "",
    "  warren                             a whole system in one process:",
    "                                     open http://127.0.0.1:8000",
    "  warren manager --broker URL        WebSocket clients, in front of RabbitMQ",
    "  warren processor --broker URL      run a handler on each message",
    "  warren bench --url URL             load a manager and measure",
    "  warren dead-letters --help         look at what failed, and put it back",
    "  warren groups --help               list processor groups, and remove them",
    "  warren completion bash|zsh|fish    complete this command line in a shell",
    "  warren manual | man -l -           the manual page",
  ];
  for (const section of Object.keys(sections)) {
    lines.push("", `${section}:`);
    for (const row of rows.filter((each) => each.section === section)) {
      const fallback = row.fallback.replaceAll("`", "");
      const meaning = row.meaning.replaceAll("`", "");
      lines.push(`  ${row.flag}`, ...wrapped(`${meaning} (default: ${fallback})`));
    }
  }
  lines.push(
    "",
    "  -h, --help",
    "  -v, --version",
    "  --handler-types",
    ...wrapped("the TypeScript types of a handler: warren --handler-types > warren.ts"),
    "",
    ...wrapped(
      `Every option is an environment variable too: --broker is ${variableOf("broker")}. Flags win.`,
      "",
    ),
    ...wrapped(
      "A size is a number of bytes, or 64KiB, 1MiB, 2GiB; a time is in seconds, or 500ms, 10s, 5m, 1h, 7d.",
      "",
    ),
    ...wrapped(
      "Exit codes: 0 stopped as asked, 1 a fault that no retry can mend (bench: messages lost), 2 a usage error.",
      "",
    ),
  );
  return lines.join("\n");
}

/** The text in lines of at most 80 columns. */
function wrapped(text: string, indent = "        "): string[] {
  const line = new RegExp(`\\S.{0,${79 - indent.length}}(?=\\s|$)`, "g");
  return [...text.matchAll(line)].map(([each]) => `${indent}${each}`);
}

/** The table in docs/options.md; a test compares the two. */
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
