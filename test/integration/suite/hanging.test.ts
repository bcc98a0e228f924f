import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { bunTest, watchFiles } from "../../suite/bun-test.ts";
import { linesOf, verdictOf } from "../../suite/verdict.ts";
import { integrationTimeoutMs } from "../../support/timeout.ts";
import { until } from "../../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const folder = mkdtempSync(join(tmpdir(), "warren-hanging-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file of tests; returns its path as the suite names it. */
function file(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return relative(process.cwd(), path);
}

function isAlive(pid: number): boolean {
  // What has been killed stays in the table until its parent, which is gone too, has been told.
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "latin1") : ") Z";
  return !/\) [ZX]/.test(stat);
}

test("a file that never ends is killed with all that it has started, and has failed", async () => {
  const pidFile = join(folder, "pid");
  const hanging = file(
    "hanging.test.ts",
    `import { test } from "bun:test";
import { writeFileSync } from "node:fs";
test("ends", () => undefined);
test("goes round for ever", () => {
  const child = Bun.spawn(["sleep", "300"]);
  writeFileSync(${JSON.stringify(pidFile)}, \`\${child.pid}\`);
  for (;;);
});
`,
  );
  const overdue = Promise.withResolvers<() => void>();
  const watch = (onOverdue: () => void) => {
    overdue.resolve(onOverdue);
    return { begun: () => undefined, stop: () => undefined };
  };
  const run = bunTest([hanging], { watch, show: () => undefined });
  const pid = await until(
    () => (existsSync(pidFile) ? Number(readFileSync(pidFile)) : undefined),
    "it hangs",
  );
  expect(isAlive(pid)).toBe(true);
  (await overdue.promise)();
  const { report, isOverdue, unreached } = await run;
  expect(isOverdue).toBe(true);
  expect(unreached).toEqual([]);
  expect(linesOf(verdictOf(report))).toEqual([
    `failed: ${hanging}: it did not end in time`,
    "== 1 passed, 1 failed, 0 unsteady",
  ]);
  await until(() => !isAlive(pid), "what it had started is gone");
});

test("a file that ends is not killed, and each that begins has the whole time", async () => {
  let begun = 0;
  let stopped = 0;
  const files = ["a.test.ts", "b.test.ts"].map((name) =>
    file(name, `import { test } from "bun:test"; test("ends", () => undefined);`),
  );
  const watch = () => ({ begun: () => begun++, stop: () => stopped++ });
  const run = await bunTest(files, { watch, show: () => undefined });
  expect(run).toMatchObject({ isOverdue: false, unreached: [], exitCode: 0 });
  expect({ begun, stopped }).toEqual({ begun: 2, stopped: 1 });
});

test("a watch calls once, when nothing has begun for long enough, and not after it was stopped", async () => {
  const overdue = Promise.withResolvers<void>();
  watchFiles(() => overdue.resolve(), 1).begun();
  await overdue.promise;
  let calls = 0;
  const stopped = watchFiles(() => calls++, 0);
  stopped.stop();
  const later = Promise.withResolvers<void>();
  watchFiles(() => later.resolve(), 5);
  await later.promise;
  expect(calls).toBe(0);
});
