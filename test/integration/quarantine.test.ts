import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import { HandlerMessage } from "../../src/processor/handler.ts";
import { Quarantine } from "../../src/processor/quarantine.ts";
import { quarantinedFlag } from "../../src/processor/quarantined.ts";
import { executable } from "../support/executable.ts";
import { until } from "../support/wait.ts";
import { RecordingLog } from "../unit/doubles/recording-log.ts";

/** Does as it is told, and says by which process. */
const obedient = `
let asked = 0;
export default async (message) => {
  asked++;
  if (message.text === "exit") process.exit(9);
  if (message.text === "crash") process.kill(process.pid, "SIGSEGV");
  if (message.text === "loop") for (;;);
  if (message.text === "never") await new Promise(() => {});
  if (message.text === "throw") throw new Error("bad message");
  if (message.text === "rubbish") return () => 1;
  if (message.text === "sender") return { to: "sender", body: "to you" };
  if (message.text === "bytes") return [new Uint8Array([0, 255]), { an: "object" }];
  if (message.text === "nothing") return;
  if (message.text === "pid") return String(process.pid);
  return [message.text, message.topic, message.clientId, String(asked)].join(" ");
};`;

let folder: string;
let quarantine: Quarantine;
let log: RecordingLog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "warren-quarantine-"));
  writeFileSync(join(folder, "handler.ts"), obedient);
  log = new RecordingLog();
  quarantine = of([process.execPath, join(projectFolder, "src", "main.ts")]);
});
afterEach(() => {
  quarantine.close();
  rmSync(folder, { recursive: true, force: true });
});

function of(program: readonly string[]): Quarantine {
  return new Quarantine([...program, quarantinedFlag, join(folder, "handler.ts")], 1000, log);
}

const handle = (body: string) =>
  quarantine.handle(
    new HandlerMessage({
      id: `id of ${body}`,
      body,
      topic: "t",
      clientId: "c",
      appId: undefined,
      timestamp: undefined,
    }),
  );

const starts = () => log.lines.filter(({ message }) => message.includes("one by one")).length;

describe("a suspect", () => {
  test("that is innocent is handled as by any processor", async () => {
    expect(await handle("hello")).toEqual(["hello t c 1"]);
    expect(await handle("sender")).toEqual([{ to: "sender", body: "to you" }]);
    expect(await handle("bytes")).toEqual([new Uint8Array([0, 255]), '{"an":"object"}']);
    expect(await handle("nothing")).toEqual([]);
    expect(starts()).toBe(1);
  });

  test.each([
    ["exit", "the handler ended its process with exit code 9"],
    ["crash", "the handler ended its process with signal SIGSEGV"],
    ["loop", "the handler took longer than 1000 ms"],
    ["never", "the handler took longer than 1000 ms"],
    ["throw", "bad message"],
    ["rubbish", "a handler returns a string, bytes, an object, an array of those or nothing, not function"],
  ])("that does %s fails alone, and those behind it are handled", async (deed, reason) => {
    const handled = [handle("before"), handle(deed), handle("behind"), handle("last")];
    const [before, bad, behind, last] = await Promise.allSettled(handled);
    expect(before).toEqual({ status: "fulfilled", value: ["before t c 1"] });
    expect(bad).toMatchObject({ status: "rejected", reason: { message: reason } });
    expect([behind!.status, last!.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(log.lines.find(({ fields }) => fields["message"] === `id of ${deed}`)?.fields).toEqual({
      message: `id of ${deed}`,
      reason,
    });
  });

  test("is handled by the compiled executable, too", async () => {
    quarantine = of([await executable()]);
    const [bad, behind] = await Promise.allSettled([handle("exit"), handle("behind")]);
    expect(bad).toMatchObject({ reason: { message: "the handler ended its process with exit code 9" } });
    expect(behind).toEqual({ status: "fulfilled", value: ["behind t c 1"] });
  });
});

test("the process ends with the quarantine", async () => {
  const [pid] = (await handle("pid")) as string[];
  quarantine.close();
  await until(() => hasEnded(Number(pid)), "the process to end");
});

test("the process ends with its parent, even in an endless loop", async () => {
  const script = join(folder, "parent.ts");
  writeFileSync(
    script,
    `import { Quarantine } from "${join(projectFolder, "src/processor/quarantine.ts")}";
     const log = { debug() {}, info() {}, warn() {}, error() {} };
     const command = ${JSON.stringify([await executable(), quarantinedFlag, join(folder, "handler.ts")])};
     const quarantine = new Quarantine(command, 60_000, log);
     console.log((await quarantine.handle({ body: "pid", topic: "" }))[0]);
     void quarantine.handle({ body: "loop", topic: "" });
     setTimeout(() => process.kill(process.pid, "SIGKILL"), 200);`,
  );
  const parent = Bun.spawn([process.execPath, script], { stdout: "pipe" });
  const pid = Number(await new Response(parent.stdout).text());
  expect(pid).toBeGreaterThan(0);
  await until(() => hasEnded(pid), "the process to end");
});

function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
