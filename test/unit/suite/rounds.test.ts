import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rounds, seed } from "../doubles/rounds.ts";

const root = join(import.meta.dir, "../../..");
const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(root)];

test("every property is tried with the same inputs in every run", () => {
  const asserted = /\bfc\.assert\(/g;
  const tried = /\brounds\(\d*\)(?:,?\s*\)|;)/g;
  const texts = files.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
  const properties = texts.filter(({ text }) => text.includes('from "fast-check"'));
  expect(properties.length).toBeGreaterThan(50);
  const count = (text: string, what: RegExp) => text.match(what)?.length ?? 0;
  const unseeded = properties.filter(({ text }) => count(text, asserted) !== count(text, tried));
  expect(unseeded.map(({ path }) => path)).toEqual([]);
});

test("where rounds are to be few, a property is tried with the first tenth of its inputs, and with five at least", () => {
  const played = (few: boolean) => [2000, 150, 100, 30, 5].map((count) => rounds(count, few));
  const of = (...counts: number[]) => counts.map((numRuns) => ({ seed, numRuns }));
  expect(played(false)).toEqual(of(2000, 150, 100, 30, 5));
  expect(played(true)).toEqual(of(200, 15, 10, 5, 5));
});
