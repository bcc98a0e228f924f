import { expect, test } from "bun:test";
import type { Option } from "../../../src/options/kinds/option.ts";
import { flagOf, variableOf } from "../../../src/options/names.ts";
import { type OptionName, optionTable, sections } from "../../../src/options/table.ts";

const names = Object.keys(optionTable) as OptionName[];

test("a flag is written with hyphens, a variable in capitals with underscores", () => {
  expect([flagOf("logMessages"), variableOf("logMessages")]).toEqual([
    "--log-messages",
    "WARREN_LOG_MESSAGES",
  ]);
  expect([flagOf("broker"), variableOf("broker")]).toEqual(["--broker", "WARREN_BROKER"]);
});

test("no two options share a flag or a variable", () => {
  expect(new Set(names.map(flagOf)).size).toBe(names.length);
  expect(new Set(names.map(variableOf)).size).toBe(names.length);
});

test("each option stands in one section, and the table follows their order", () => {
  expect(Object.values(sections).flatMap((options) => Object.keys(options))).toEqual(names);
});

test("the role comes first, since it decides which variables count", () => {
  expect(names[0]).toBe("role");
});

test.each(names)("%s says its default or what stands for it, and its meaning in one line", (name) => {
  const { default: fallback, unset, meaning } = optionTable[name] as unknown as Option<unknown>;
  expect(fallback === undefined).toBe(unset !== undefined);
  expect(meaning).toMatch(/^[^\n|]{5,110}$/);
});

test("the name of a parsed option carries its unit: sizes are in bytes, times in milliseconds", () => {
  const withUnit = (placeholder: string) =>
    names.filter(
      (name) => (optionTable[name] as unknown as Option<unknown>).kind.placeholder === placeholder,
    );
  expect(withUnit("SIZE").length).toBeGreaterThan(5);
  // A load generator's --size is nothing but a number of bytes.
  expect(withUnit("SIZE").filter((name) => !/Bytes/.test(name))).toEqual(["size"]);
  expect(withUnit("TIME").length).toBeGreaterThan(5);
  expect(withUnit("TIME").filter((name) => !name.endsWith("Ms"))).toEqual([]);
});
