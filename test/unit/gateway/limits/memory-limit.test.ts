import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { memoryLimit } from "../../../../src/gateway/limits/memory-limit.ts";

const folder = mkdtempSync(join(tmpdir(), "warren-memory-limit-"));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
/** A machine with these files, of 1,000 bytes. */
function limitOn(files: Record<string, string>): number {
  const root = join(folder, String(count++));
  mkdirSync(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return memoryLimit(root, 1000);
}

test("without a cgroup the machine's memory counts", () => {
  expect(limitOn({})).toBe(1000);
  expect(limitOn({ "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n" })).toBe(1000);
});

test("the smallest limit around the process counts", () => {
  const own = "0::/system.slice/warren.service\n";
  expect(
    limitOn({
      "proc/self/cgroup": own,
      "sys/fs/cgroup/system.slice/memory.max": "300\n",
      "sys/fs/cgroup/system.slice/warren.service/memory.max": "400\n",
    }),
  ).toBe(300);
  expect(limitOn({ "proc/self/cgroup": own, "sys/fs/cgroup/memory.max": "200\n" })).toBe(200);
});

test("a limit beyond the machine's memory is none", () => {
  expect(limitOn({ "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "2000\n" })).toBe(1000);
});

test("cgroups of version 1 count, where there are no others", () => {
  expect(
    limitOn({
      "proc/self/cgroup": "12:pids:/docker/a\n5:memory:/docker/a\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "250\n",
      "sys/fs/cgroup/pids/docker/a/memory.limit_in_bytes": "1\n",
    }),
  ).toBe(250);
});
