import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "../../build/compile.ts";
import type { Waiter } from "../../src/envelope/waiter.ts";
import type { Body, OutgoingMessage } from "../../src/message.ts";
import { Answering } from "../../src/processor/answering.ts";
import { HandlerMessage } from "../../src/processor/handler.ts";
import { Quarantine } from "../../src/processor/quarantine.ts";
import { quarantinedFlag } from "../../src/processor/quarantined.ts";
import { executable } from "../support/executable.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { callOf, PublishedAnswers } from "../unit/doubles/published-answers.ts";
import { RecordingLogger } from "../unit/doubles/recording-logger.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Does as it is told, and says by which process. */
const obedient = `
let asked = 0;
export default async (message, context) => {
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
  if (message.text.startsWith("slow")) await Bun.sleep(300);
  if (message.text === "stray") { setTimeout(() => { throw new Error("astray"); }, 10); await Bun.sleep(200); }
  if (message.text === "context") {
    context.log.warn("from there", { step: 1 });
    await context.publish("published");
    return [context.attempt, context.group, message.contentType].join(" ");
  }
  if (message.text === "stream" || message.text === "cut off") return (async function* () {
    for (const word of ["one", "two", "three"]) {
      yield word;
      if (message.text === "cut off" && word === "two") process.exit(9);
    }
  })();
  if (message.text === "patient") return (async function* () {
    for (let tick = 0; tick < 6; tick++) { await Bun.sleep(250); yield String(tick); }
  })();
  if (message.text === "aborted") {
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    require("node:fs").writeFileSync(import.meta.dir + "/aborted", String(context.signal.reason));
  }
  if (message.text === "asked") {
    context.log.info("begun");
    if (!context.signal.aborted) await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    context.log.info("heard: " + context.signal.reason.message);
    return;
  }
  if (message.text === "pid") return String(process.pid);
  return [message.text, message.topic, message.clientId, String(asked)].join(" ");
};`;

let folder: string;
let quarantine: Quarantine;
let logger: RecordingLogger;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "warren-quarantine-"));
  writeFileSync(join(folder, "handler.ts"), obedient);
  logger = new RecordingLogger();
  quarantine = of([process.execPath, join(projectFolder, "src", "main.ts")]);
});
afterEach(() => {
  quarantine.close();
  rmSync(folder, { recursive: true, force: true });
});

function of(program: readonly string[]): Quarantine {
  return new Quarantine([...program, quarantinedFlag, "g", join(folder, "handler.ts")], 1000, logger);
}

const handle = async (body: string) => (await answersTo(body)).map((answer) => answer.body);
const answersTo = async (body: string) => {
  const sink = new PublishedAnswers();
  const message = messageOf(body);
  await quarantine.handle(message, callOf(message, sink, logger), ownPlace);
  // Ids are the processor's to give.
  return sink.answers.map(({ id: _, ...answer }) => answer);
};
const messageOf = (body: string) =>
  new HandlerMessage({
    id: `id of ${body}`,
    body,
    topic: "t",
    clientId: "c",
    appId: undefined,
    timestamp: undefined,
  });

class ConfirmingOutbox {
  readonly isFull = false;
  readonly published: OutgoingMessage[] = [];

  append(message: OutgoingMessage, waiter?: Waiter): number {
    setImmediate(() => waiter?.confirmed());
    return this.published.push(message);
  }
}

/** A place that nobody else waits for. */
const ownPlace = { leaveUntil: async (settled: Promise<unknown>) => void (await settled) };

const starts = () =>
  logger.lines.filter(({ message }) => message.includes("in a process of their own")).length;

describe("a suspect", () => {
  test("that is innocent is handled as by any processor", async () => {
    expect(await handle("hello")).toEqual(["hello t c 1"]);
    expect(await answersTo("sender")).toEqual([{ body: "to you", topic: "t", clientId: "c" }]);
    expect(await answersTo("bytes")).toEqual([
      { body: new Uint8Array([0, 255]), topic: "t" },
      { body: '{"an":"object"}', topic: "t", headers: { "content-type": "application/json" } },
    ]);
    expect(await handle("nothing")).toEqual([]);
    expect(starts()).toBe(1);
  });

  test.each([
    ["exit", "the handler ended its process with exit code 9"],
    ["crash", "the handler ended its process with signal SIGSEGV"],
    ["stray", /^the handler ended its process with exit code 1: astray \(.*handler\.ts:\d+:\d+\)$/],
    ["loop", "the handler took longer than 1000 ms, in which its process did nothing else"],
  ])("that does %s kills alone, once and for all, and those beside it are handled", async (deed, reason) => {
    const handled = [handle("before"), handle("slow 1"), handle(deed), handle("slow 2"), handle("last")];
    const [before, slow, bad, slowToo, last] = await Promise.allSettled(handled);
    expect(bad).toMatchObject({
      status: "rejected",
      reason: { name: "Hopeless", message: expect.stringMatching(reason) },
    });
    expect([before, slow, slowToo, last].map((one) => one!.status)).toEqual(Array(4).fill("fulfilled"));
    const told = logger.lines.filter(({ message }) => message.includes("killed the process that handled it"));
    expect(told.map(({ fields }) => fields["message"])).toEqual([`id of ${deed}`]);
  });

  test.each([
    ["never", "the handler took longer than 1000 ms"],
    ["throw", "bad message"],
    ["rubbish", "a handler returns a string, bytes, an object, an array of those or nothing, not function"],
  ])("that does %s fails alone, in a process that goes on", async (deed, reason) => {
    const [before, bad, last] = await Promise.allSettled([handle("pid"), handle(deed), handle("slow")]);
    expect(bad).toMatchObject({ status: "rejected", reason: { name: "Error", message: reason } });
    expect(last!.status).toBe("fulfilled");
    expect(await handle("pid")).toEqual((before as PromiseFulfilledResult<Body[]>).value);
    expect(starts()).toBe(1);
  });

  test("answers one by one, has its context, and fails as anywhere between two answers", async () => {
    expect(await handle("stream")).toEqual(["one", "two", "three"]);
    expect(await handle("context")).toEqual(["published", "1 g text/plain"]);
    expect(logger.lines.find(({ message }) => message === "from there")?.fields).toMatchObject({
      step: 1,
      message: "id of context",
    });
    expect(await handle("patient")).toEqual(["0", "1", "2", "3", "4", "5"]);
    await expect(handle("aborted")).rejects.toThrow("took longer than 1000 ms");
    await until(() => existsSync(join(folder, "aborted")), "the handler to hear of it");
    expect(starts()).toBe(1);
  });

  test("hears by its signal that the client that asked has gone, before it has begun or while it is handled", async () => {
    const ask = () => {
      const message = new HandlerMessage({ ...messageOf("asked"), isRequest: true });
      const outbox = new ConfirmingOutbox();
      const call = callOf(message, new Answering(message.id, "g", outbox), logger);
      return { call, handled: quarantine.handle(message, call, ownPlace) };
    };
    const gone = new Error("the client that asked has gone");
    const before = ask();
    before.call.abandon(gone);
    await before.handled;
    const begun = () => logger.lines.filter(({ message }) => message === "begun").length;
    const meanwhile = ask();
    await until(() => begun() === 2, "it to be handled");
    meanwhile.call.abandon(gone);
    await meanwhile.handled;
    expect(logger.lines.filter(({ message }) => message === `heard: ${gone.message}`)).toHaveLength(2);
  });

  test("that kills its process in the middle of its answers is found out, and those were published once", async () => {
    const outbox = new ConfirmingOutbox();
    const message = messageOf("cut off");
    const answering = new Answering(message.id, "g", outbox);
    const handled = quarantine.handle(message, callOf(message, answering, logger), ownPlace);
    await expect(handled).rejects.toThrow("exit code 9");
    expect(outbox.published.map(({ id, body }) => [id, body])).toEqual([
      ["id of cut off/g/1", "one"],
      ["id of cut off/g/2", "two"],
    ]);
  });

  test("is handled side by side with others", async () => {
    await handle("warm up");
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 100 }, (_, number) => handle(`slow ${number}`)));
    // One after another they would take 30 s.
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test("that kills among a hundred costs the others one more run, not a hundred", async () => {
    const others = Array.from({ length: 99 }, (_, number) => handle(`slow ${number}`));
    const bad = handle("exit").catch((error: Error) => error);
    expect((await Promise.all(others)).length).toBe(99);
    expect(await bad).toMatchObject({ name: "Hopeless" });
    expect(starts()).toBe(2);
  });

  test("leaves its place while it waits to be alone", async () => {
    let left = 0;
    const place = {
      leaveUntil: async (settled: Promise<unknown>) => {
        left++;
        await settled;
      },
    };
    const of = (body: string) => quarantine.handle(messageOf(body), callOf(messageOf(body)), place);
    await Promise.allSettled([of("slow 1"), of("slow 2"), of("exit")]);
    expect(left).toBe(3);
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
     const command = ${JSON.stringify([await executable(), quarantinedFlag, "g", join(folder, "handler.ts")])};
     const quarantine = new Quarantine(command, 60_000, log);
     const place = { leaveUntil: async (settled) => void (await settled) };
     const call = { attempt: 1, pass: async (_, { body }) => console.log(body) };
     await quarantine.handle({ body: "pid", topic: "" }, call, place);
     void quarantine.handle({ body: "loop", topic: "" }, call, place);
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
