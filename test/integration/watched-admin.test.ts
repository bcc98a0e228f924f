import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FatalError } from "../../src/errors.ts";
import { type Operations, operationPaths } from "../../src/ops/http.ts";
import { WatchedAdmin } from "../../src/ops/watched-admin.ts";
import { until } from "../support/wait.ts";
import { RecordingLogger } from "../unit/doubles/recording-logger.ts";

const operations: Operations = {
  readiness: () => ({ ready: false, why: "the broker is away" }),
  metrics: () => [{ name: "warren_clients", type: "gauge", help: "Clients.", read: () => 3 }],
};

function adminOn(adminPort: number, stuckAfterMs?: number): WatchedAdmin {
  const options = { adminHost: "127.0.0.1", adminPort, allowHost: ["p.example.org"] };
  return new WatchedAdmin(options, operations, new RecordingLogger(), stuckAfterMs);
}

test("a processor's admin port answers, under the names that are allowed", async () => {
  const admin = adminOn(0);
  const url = await admin.open();
  const ask = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const response = await fetch(new URL(path, url), { headers, method });
    return [response.status, await response.text()] as const;
  };
  expect(await ask("/healthz")).toEqual([200, '{"alive":true}']);
  expect(await ask("/readyz")).toEqual([503, '{"ready":false,"why":"the broker is away"}']);
  expect((await ask("/metrics"))[1]).toEndWith("\nwarren_clients 3\n");
  expect((await ask("/metrics", { accept: "application/openmetrics-text" }))[1]).toEndWith("# EOF\n");
  expect((await ask("/metrics", { host: "p.example.org" }))[0]).toBe(200);
  expect(await ask("/metrics", { host: "evil.example" })).toEqual([
    403,
    expect.stringContaining("--allow-host"),
  ]);
  expect((await ask("/healthz", { host: "evil.example" }))[0]).toBe(200);
  expect((await ask("/metrics", {}, "POST"))[0]).toBe(405);
  expect(await ask("/else")).toEqual([404, expect.stringContaining(operationPaths.join(", "))]);
  for (const path of operationPaths) expect([path, (await ask(path))[0]]).not.toEqual([path, 404]);
  await expect(adminOn(Number(url.port)).open()).rejects.toThrow(FatalError);
  admin.close();
});

test("while a handler keeps the event loop to itself, the process is not alive, and afterwards it is", async () => {
  const admin = adminOn(0, 500);
  const url = await admin.open();
  const folder = mkdtempSync(join(tmpdir(), "warren-stuck-"));
  const heardFile = join(folder, "heard.json");
  // This thread is about to be busy, so another process asks. It ends the endless loop with what it has heard.
  const ask = `
    while ((await fetch("${url}healthz")).ok) await Bun.sleep(20);
    const heard = [];
    for (const path of ["healthz", "readyz", "metrics"]) {
      const response = await fetch("${url}" + path);
      heard.push(response.status + " " + await response.text());
    }
    await Bun.write("${heardFile}.part", JSON.stringify(heard));
    (await import("node:fs")).renameSync("${heardFile}.part", "${heardFile}");`;
  const asking = Bun.spawn([process.execPath, "-e", ask]);
  const giveUpAt = performance.now() + 15_000;
  while (!existsSync(heardFile) && performance.now() < giveUpAt) Bun.sleepSync(5);
  await asking.exited;
  const heard = JSON.parse(readFileSync(heardFile, "utf8")) as string[];
  rmSync(folder, { recursive: true });
  expect(heard.map((line) => line.slice(0, 3))).toEqual(["503", "503", "503"]);
  expect(heard[0]).toContain('"alive":false');
  expect(heard[1]).toContain("the handler has kept the event loop to itself");
  const isAlive = async () => (await fetch(new URL("/healthz", url))).ok;
  await until(isAlive, "it is alive again");
  admin.close();
});
