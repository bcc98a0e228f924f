import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { aloneFiles, lanesOf } from "../../suite/lanes.ts";

test("files are dealt out so that lanes end at about the same time, each file once", () => {
  const timings = { a: 50_000, b: 30_000, c: 20_000, d: 1000 };
  const lanes = lanesOf(["d", "c", "b", "a", "new"], 2, timings);
  expect(lanes).toEqual([
    ["a", "new"],
    ["b", "c", "d"],
  ]);
});

test("there are no more lanes than files", () => {
  expect(lanesOf(["a"], 2, {})).toEqual([["a"]]);
  expect(lanesOf([], 2, {})).toEqual([]);
});

test("every file that is run alone is there", () => {
  const project = join(import.meta.dir, "../../..");
  expect(aloneFiles.filter((file) => !existsSync(join(project, file)))).toEqual([]);
});
