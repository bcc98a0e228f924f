import { expect, test } from "bun:test";
import { join } from "node:path";
import { generatedFiles, generatedParts, withPart } from "../../build/docs.ts";
import { limits, unknownMetrics } from "../../build/limits.ts";
import { allMetrics } from "../../build/metrics.ts";
import { flagOf } from "../../src/options/names.ts";
import { clientLimitOptions } from "../../src/options/sections/client-limits.ts";
import { gatewayLimitOptions } from "../../src/options/sections/gateway-limits.ts";
import type { OptionName } from "../../src/options/table.ts";

const project = join(import.meta.dir, "../..");
const readme = await Bun.file(join(project, "README.md")).text();

for (const part of generatedParts) {
  test(`the ${part.name} in ${part.document} are those in the code: bun run docs`, async () => {
    const document = await Bun.file(join(project, part.document)).text();
    expect(document).toBe(withPart(document, part));
  });
}

for (const [path, text] of Object.entries(generatedFiles)) {
  test(`${path} is what the code makes of it: bun run docs`, async () => {
    expect(await Bun.file(join(project, path)).text()).toBe(text);
  });
}

test("every flag that limits clients is in the table of limits, which names metrics that there are", async () => {
  const { manager, processor, every } = await allMetrics();
  expect(unknownMetrics([...manager, ...processor, ...every])).toEqual([]);
  const named = new Set(limits.flatMap(({ by, beyond }) => `${by} ${beyond}`.match(/--[a-z-]+/g) ?? []));
  const flags = Object.keys({ ...clientLimitOptions, ...gatewayLimitOptions }) as OptionName[];
  expect(flags.map(flagOf).filter((flag) => !named.has(flag))).toEqual([]);
});

test("the README's processor in Python is the one in examples/", async () => {
  const [, shown] = /```python\n(import sys[\s\S]*?)```/.exec(readme) ?? [];
  const example = await Bun.file(join(project, "examples/processor.py")).text();
  expect(example).toContain(shown!);
});

test("the README links to files that exist", async () => {
  const links = [...readme.matchAll(/\]\(((?!http)[^)#]+)/g)].map(([, path]) => path!);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect(await Bun.file(join(project, link)).exists()).toBe(true);
});

test("the README counts the fault scenarios that docs/reliability.md has figures of", async () => {
  const reliability = await Bun.file(join(project, "docs/reliability.md")).text();
  const [, table] = /<!-- faults -->([\s\S]*)<!-- \/faults -->/.exec(reliability)!;
  const rows = table!.trim().split("\n").slice(2);
  expect(readme).toContain(` ${rows.length} scenarios break `);
});
