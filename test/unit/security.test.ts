import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const text = readFileSync(join(root, "SECURITY.md"), "utf8");
const threats = text
  .split("## Threats")[1]!
  .split("\n## ")[0]!
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(1)
  .map((line) => line.split(" | "));

test("every threat in SECURITY.md has a defence, and a test that is there", () => {
  expect(threats.length).toBeGreaterThan(15);
  for (const [threat, defence, tests, ...more] of threats) {
    expect(more).toEqual([]);
    expect(defence!.length).toBeGreaterThan(10);
    const paths = [...tests!.matchAll(/`([^`]+)`/g)].map(([, path]) => path!);
    expect({ threat, paths: paths.length > 0 }).toEqual({ threat, paths: true });
    expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  }
});

test("every file that SECURITY.md names is there", () => {
  const paths = [...text.matchAll(/(?:test|src|docs|\.ci)\/[\w./-]+/g)].map(([path]) =>
    path.replace(/\.$/, ""),
  );
  expect(paths.length).toBeGreaterThan(20);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("every test of hostile input stands in SECURITY.md", () => {
  const hostile = [...new Bun.Glob("**/hostile-*.test.ts").scanSync(join(root, "test"))];
  expect(hostile.length).toBeGreaterThan(3);
  expect(hostile.filter((path) => !text.includes(`test/${path}`))).toEqual([]);
});
