import { describe, expect, test } from "bun:test";
import { helpText, markdownTable } from "../../../src/options/help.ts";
import type { Option } from "../../../src/options/kinds/option.ts";
import { flagOf } from "../../../src/options/names.ts";
import { type OptionName, optionTable } from "../../../src/options/table.ts";

const names = Object.keys(optionTable) as OptionName[];
const optionNamed = (name: OptionName) => optionTable[name] as unknown as Option<unknown>;

describe("the help text", () => {
  const lines = helpText().split("\n");

  test.each(names)("has %s once, with its placeholder, its meaning and its default", (name) => {
    const { kind, meaning, default: fallback, unset } = optionNamed(name);
    const flag = `  ${flagOf(name)} ${kind.placeholder}`.trimEnd();
    expect(lines.filter((line) => line === flag).length).toBe(1);
    const rest = lines.slice(lines.indexOf(flag) + 1);
    const below = rest.slice(
      0,
      rest.findIndex((line) => !line.startsWith("        ")),
    );
    const shown = (fallback === undefined ? unset! : kind.show(fallback)).replaceAll("`", "");
    expect(below.map((line) => line.trim()).join(" ")).toBe(
      `${meaning.replaceAll("`", "")} (default: ${shown})`,
    );
  });

  test("fits into 80 columns", () => {
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("has the two flags that are no options", () => {
    expect(lines).toContain("  -h, --help");
    expect(lines).toContain("  -v, --version");
  });

  test("says how flags and variables, sizes and times, and exit codes go", () => {
    expect(helpText()).toInclude("--broker is WARREN_BROKER");
    expect(helpText()).toInclude("64KiB");
    expect(helpText()).toInclude("500ms");
    expect(helpText()).toMatch(/Exit codes: 0 .* 1 .* 2 /s);
  });

  test("has no markup", () => {
    expect(helpText()).not.toInclude("`");
  });
});

describe("the README's table", () => {
  const rows = markdownTable().split("\n");
  /** A bar within a cell is escaped. */
  const cellsOf = (row: string) => row.split(/(?<!\\)\|/).map((cell) => cell.trim());

  test("begins with its head", () => {
    expect(rows.slice(0, 2)).toEqual(["| flag | default | for | meaning |", "|---|---|---|---|"]);
  });

  test.each(names)("has a row for %s, in the table's order", (name) => {
    const { kind, meaning, default: fallback, unset } = optionNamed(name);
    const row = rows[2 + names.indexOf(name)]!;
    const [, flag, shown, , said] = cellsOf(row);
    expect(flag).toBe(`\`${`${flagOf(name)} ${kind.placeholder}`.trim().replaceAll("|", "\\|")}\``);
    expect(shown!.replaceAll("`", "")).toBe(
      (fallback === undefined ? unset! : kind.show(fallback)).replaceAll("`", ""),
    );
    expect(said).toBe(meaning);
  });

  test("has nothing else, and as many cells in each row", () => {
    expect(rows.length).toBe(2 + names.length);
    expect(new Set(rows.map((row) => cellsOf(row).length))).toEqual(new Set([6]));
  });

  test("names the roles that an option is for", () => {
    const rolesOf = (name: OptionName) => cellsOf(rows[2 + names.indexOf(name)]!)[3];
    expect([
      rolesOf("role"),
      rolesOf("port"),
      rolesOf("group"),
      rolesOf("plainCopies"),
      rolesOf("url"),
    ]).toEqual(["any", "manager", "processor", "manager, processor", "bench"]);
  });
});
