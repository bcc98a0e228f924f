import { expect, test } from "bun:test";
import { threadCpuMs } from "../../../src/ops/thread-cpu.ts";

test("a thread's CPU time goes on with each bit of work, and not only at the kernel's ticks", () => {
  const steps: number[] = [];
  for (let last = threadCpuMs(); steps.length < 1000; ) {
    const now = threadCpuMs();
    steps.push(now - last);
    last = now;
  }
  expect(Math.min(...steps)).toBeGreaterThan(0);
});

test("a thread's CPU time stands still while it waits", async () => {
  const [beganMs, workedMs] = [performance.now(), threadCpuMs()];
  await Bun.sleep(200);
  expect(threadCpuMs() - workedMs).toBeLessThan((performance.now() - beganMs) / 2);
});

test("a thread's CPU time is about what Bun tells of it", () => {
  const { user, system } = process.threadCpuUsage();
  const workedMs = threadCpuMs();
  expect(workedMs).toBeGreaterThanOrEqual((user + system) / 1000 - 1);
  expect(workedMs).toBeLessThan((user + system) / 1000 + 1000);
});
