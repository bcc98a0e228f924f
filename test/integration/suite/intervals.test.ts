import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { bunTest } from "../../suite/bun-test.ts";
import { hasFailed } from "../../suite/report.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-intervals-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a run shows whose only test does this. */
async function runOf(name: string, body: string) {
  mkdirSync(join(folder, "test/unit"), { recursive: true });
  const path = join(folder, "test/unit", name);
  writeFileSync(path, `import { jest, test } from "bun:test";\ntest("one", () => {\n  ${body}\n});\n`);
  let text = "";
  const { report } = await bunTest([relative(process.cwd(), path)], { show: (more) => (text += more) });
  return { hasFailed: [...report.values()].some(hasFailed), text };
}

test("a run fails in which a unit test leaves an interval behind, and names the test", async () => {
  const run = await runOf("leaves.test.ts", "setInterval(() => undefined, 1000);");
  expect(run.hasFailed).toBe(true);
  expect(run.text).toContain("intervals were set and not cleared: test/unit/leaves.test.ts:3");
});

test("one whose intervals are cleared, or are those of a fake clock, does not", async () => {
  const cleared = await runOf("clears.test.ts", "clearInterval(setInterval(() => undefined, 1000));");
  expect(cleared.hasFailed).toBe(false);
  const fake = "jest.useFakeTimers(); setInterval(() => undefined, 1000); jest.useRealTimers();";
  expect((await runOf("fakes.test.ts", fake)).hasFailed).toBe(false);
});
