import { expect, test } from "bun:test";
import { parseOptions } from "./options.ts";
import { comparison, ratiosOf } from "./report/comparison.ts";
import type { Case, Measure } from "./setting.ts";

const named = (name: string): Case => ({
  name,
  what: `measures ${name}`,
  isQuick: true,
  run: async () => [],
});
const all = { usual: [named("fan-out"), named("idle")], beside: [named("relay"), named("idle")] };

function namesOf(args: readonly string[]): readonly string[] {
  const options = parseOptions(args, all);
  if ("print" in options) throw new Error(options.print);
  return options.cases.map(({ name }) => name);
}

test("--before chooses the cases that compare two executables", () => {
  expect(namesOf([])).toEqual(["fan-out", "idle"]);
  expect(namesOf(["--before", import.meta.path])).toEqual(["relay", "idle"]);
  expect(namesOf(["--before", import.meta.path, "--only", "relay"])).toEqual(["relay"]);
  expect(parseOptions(["--before", import.meta.path], all)).toMatchObject({ before: import.meta.path });
});

test("--now names another executable than this source's, and needs --before", () => {
  const both = ["--before", import.meta.path, "--now", import.meta.dir];
  expect(parseOptions(both, all)).toMatchObject({ before: import.meta.path, now: import.meta.dir });
  const alone = parseOptions(["--now", import.meta.path], all);
  expect(alone).toMatchObject({ exitCode: 2, print: expect.stringContaining("--before") });
});

test("--before says which file is missing, and --only which case there is not", () => {
  const missing = parseOptions(["--before", "/nowhere/warren"], all);
  expect(missing).toMatchObject({ exitCode: 2, print: expect.stringContaining("no file /nowhere/warren") });
  const other = parseOptions(["--before", import.meta.path, "--only", "fan-out"], all);
  expect(other).toMatchObject({ exitCode: 2, print: expect.stringContaining("no case is named fan-out") });
});

test("--help names the cases of both kinds", () => {
  const help = parseOptions(["--help"], all);
  expect(help).toMatchObject({
    exitCode: 0,
    print: expect.stringMatching(/fan-out[\s\S]*--before FILE[\s\S]*relay/),
  });
});

test("the comparison shows both medians, the ratio of the rounds, and the sizes", () => {
  const series = (contender: string, ...samples: number[]) => ({ contender, samples, failures: [] });
  const measures: Measure[] = [
    {
      name: "a",
      title: "A path",
      unit: "µs",
      series: [series("before", 10, 30, 20), series("now", 11, 29, 21)],
    },
    { name: ratiosOf("a"), title: "A path: ratio", unit: "×", series: [series("ratio", 1.01, 0.99, 1.04)] },
    {
      name: "b",
      title: "A failed path",
      unit: "µs",
      series: [{ contender: "before", samples: [], failures: ["no"] }],
    },
    {
      name: ratiosOf("b"),
      title: "B",
      unit: "×",
      series: [{ contender: "ratio", samples: [], failures: ["no"] }],
    },
  ];
  const table = comparison(measures, [import.meta.path, import.meta.path]);
  expect(table).toMatch(/A path +\| +20 µs \| +21 µs \| +1\.010 × \| 0\.990 × … 1\.040 × \| +3 \|/);
  expect(table).toMatch(/A failed path +\| +- \|/);
  expect(table).toMatch(/size of the executable.* 1\.000 ×/);
  expect(table).toContain("A failed path failed: no");
});

test("--record is for whole measures beside other ways alone", () => {
  expect(parseOptions(["--record", "--only", "idle"], all)).toMatchObject({ isRecorded: true });
  expect(parseOptions([], all)).toMatchObject({ isRecorded: false });
  for (const coarse of [["--quick"], ["--before", import.meta.path]])
    expect(parseOptions(["--record", ...coarse], all)).toMatchObject({
      exitCode: 2,
      print: expect.stringContaining("--record"),
    });
});
