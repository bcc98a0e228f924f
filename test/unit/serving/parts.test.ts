import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workFor } from "../../../src/serving/parts.ts";
import { QuietLogger } from "../../support/system.ts";
import { until } from "../../support/wait.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "warren-parts-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("a handler's file that takes long to load is told of until it is loaded", async () => {
  const handler = join(folder, "slow.ts");
  writeFileSync(
    handler,
    'await new Promise((go) => process.once("go on", go)); export default () => "here";',
  );
  const logger = new QuietLogger();
  const work = workFor({ handler, role: "processor" }, logger, 10);
  await until(() => logger.complaints.length >= 2, "two warnings");
  // On a busy machine the file may begin to run only after two warnings.
  const events = process as NodeJS.EventEmitter;
  await until(() => events.listenerCount("go on") > 0, "the file to run");
  expect(logger.complaints[0]).toContain("the handler's file is still being loaded");
  events.emit("go on");
  await work;
  const told = logger.complaints.length;
  await Bun.sleep(30);
  expect(logger.complaints.length).toBe(told);
});
