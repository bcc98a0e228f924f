import { expect, test } from "bun:test";
import { join } from "node:path";
import { markdownTable } from "../../src/options/help.ts";

const project = join(import.meta.dir, "../..");
const readme = await Bun.file(join(project, "README.md")).text();

test("the README's option table is the one in the code", () => {
  const [, table] = /<!-- options -->\n\n([\s\S]*?)\n\n<!-- \/options -->/.exec(readme) ?? [];
  expect(table).toBe(markdownTable());
});

test("the README's processor in Python is the one in examples/", async () => {
  const [, shown] = /```python\n([\s\S]*?)```/.exec(readme) ?? [];
  const example = await Bun.file(join(project, "examples/processor.py")).text();
  expect(example).toContain(shown!);
});

test("the README links to files that exist", async () => {
  const links = [...readme.matchAll(/\]\(((?!http)[^)#]+)/g)].map(([, path]) => path!);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect(await Bun.file(join(project, link)).exists()).toBe(true);
});
