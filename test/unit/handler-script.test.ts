import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allowScripts, scriptIn } from "../../src/handler-script.ts";

const folder = mkdtempSync(join(tmpdir(), "warren-script-"));
mkdirSync(join(folder, "manager"));
for (const file of ["worker.js", "worker.mts", "manager/index.js"]) writeFileSync(join(folder, file), "");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a process is started with by one that has loaded a handler. */
function envOfChild(): Record<string, string | undefined> {
  const before = { ...process.env };
  try {
    allowScripts();
    return { ...process.env };
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  }
}

test.each([
  ["worker.js", "worker.js"],
  ["worker.mts", "worker.mts"],
  ["worker", "worker.js"],
  ["manager", "manager/index.js"],
])("what a handler starts by the file %s is that script", (given, script) => {
  expect(scriptIn([join(folder, given), "--port"], envOfChild())).toBe(join(folder, script));
});

test("nothing else is", () => {
  const env = envOfChild();
  for (const args of [
    [],
    ["manager"],
    ["--port", "0"],
    ["-e", "1"],
    [join(folder, "nothing.js")],
    ["help"],
    [""],
  ])
    expect(scriptIn(args, env)).toBeUndefined();
  // Somebody who starts Warren with a file means an option of it, and is told so.
  expect(scriptIn([join(folder, "worker.js")], {})).toBeUndefined();
});
