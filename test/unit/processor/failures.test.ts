import { afterEach, beforeEach, describe, expect, type Mock, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Failures, reportOf } from "../../../src/processor/failures.ts";
import { loadWork } from "../../../src/processor/load.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

const message = {
  id: "m-1",
  body: "hello",
  topic: "a.b",
  clientId: "c",
  appId: undefined,
  timestamp: undefined,
};

let folder: string;
let now: Mock<typeof performance.now>;
let time = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "warren-failures-"));
  now = spyOn(performance, "now").mockImplementation(() => time);
});
afterEach(() => {
  now.mockRestore();
  rmSync(folder, { recursive: true, force: true });
});

/** What a handler with this source throws. */
async function thrownBy(source: string): Promise<unknown> {
  const file = join(folder, `handler-${crypto.randomUUID()}.ts`);
  writeFileSync(file, source);
  const { handle } = await loadWork(file);
  try {
    await handle(message as never, {} as never);
  } catch (error) {
    return error;
  }
  throw new Error("it threw nothing");
}

describe("a report", () => {
  test("names the file and the line, and the handler's own frames alone", async () => {
    const error = await thrownBy(
      "function deep(m: any) {\n  return m.user.name;\n}\nexport default (m: any) => {\n  return [deep(m)];\n};\n",
    );
    const { reason, at, stack } = reportOf(error);
    expect(reason).toContain("m.user.name");
    expect(at).toMatch(/handler-[-0-9a-f]+\.ts:2:\d+$/);
    // The test itself called the handler, and it is no part of Warren.
    expect(stack!.split("\n").slice(0, 2)).toEqual([
      expect.stringContaining("deep"),
      expect.stringMatching(/:5:\d+\)?$/),
    ]);
    expect(stack).not.toContain("/src/");
  });

  test("tells where a cause came from, too", async () => {
    const error = await thrownBy(
      'const find = () => {\n  throw new Error("no rows");\n};\nexport default () => {\n  try {\n    find();\n  } catch (cause) {\n    throw new Error("no order", { cause });\n  }\n};\n',
    );
    const { reason, at, stack } = reportOf(error);
    expect(reason).toBe("no order, caused by: no rows");
    expect(at).toMatch(/:8:\d+$/);
    const [own, ...rest] = stack!.split("\n");
    expect(own).toMatch(/:8:\d+\)?$/);
    expect(rest.slice(rest.indexOf("caused by: no rows") + 1)[0]).toMatch(/find.*:2:\d+\)?$/);
  });

  test("of several errors that failed together names them, and where the first was", async () => {
    const error = await thrownBy(
      'export default () => {\n  throw new AggregateError([new Error("a"), new Error("b")]);\n};\n',
    );
    expect(reportOf(error)).toMatchObject({
      reason: "AggregateError (a; b)",
      at: expect.stringMatching(/:2:\d+$/),
    });
    const any = await Promise.any([Promise.reject(new Error("a")), Promise.reject(new Error("b"))]).catch(
      (thrown: unknown) => thrown,
    );
    expect(reportOf(any)).toMatchObject({
      reason: "AggregateError (a; b)",
      at: expect.stringContaining("failures.test.ts:"),
    });
  });

  test("of what has no stack has the reason alone", () => {
    expect(reportOf("a text")).toEqual({ reason: "a text", at: undefined, stack: undefined });
    const odd = new Error("odd");
    Object.defineProperty(odd, "stack", {
      get: () => {
        throw new Error("no stack");
      },
    });
    expect(reportOf(odd)).toMatchObject({ reason: "odd", stack: undefined });
  });

  test("takes no line of the error's message for a frame, and no time for a message of megabytes", () => {
    const startedMs = performance.now();
    const error = new Error("bad order: at (/home/client/invented.ts:1:1)\n".repeat(200_000));
    error.stack = `Error: ${error.message}\n    at order (/h/order.ts:2:3)`;
    expect(reportOf(error)).toMatchObject({ at: "/h/order.ts:2:3", stack: "at order (/h/order.ts:2:3)" });
    error.message = "another one";
    expect(reportOf(error).stack).toEndWith("at order (/h/order.ts:2:3)");
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });

  test("is bounded, whatever was thrown", () => {
    const error = new Error("x".repeat(100_000));
    error.stack = Array.from({ length: 1000 }, () => `    at f (/h/${"y".repeat(5000)}.ts:1:1)`).join("\n");
    const { reason, stack } = reportOf(error);
    expect(reason.length + (stack?.length ?? 0)).toBeLessThan(12_000);
  });
});

describe("failures", () => {
  test("are told with what is needed to find the message", () => {
    const logger = new RecordingLogger();
    new Failures("g", logger).report(new Error("no"), message, 2);
    expect(logger.lines).toMatchObject([
      {
        level: "warn",
        message: "handler failed",
        fields: { reason: "no", topic: "a.b", group: "g", message: "m-1", client: "c", attempt: 2 },
      },
    ]);
  });

  test("of one kind are told at once, then once a second with how many there were", () => {
    time = 0;
    const logger = new RecordingLogger();
    const failures = new Failures("g", logger);
    for (let failure = 0; failure < 500; failure++) {
      failures.report(`order ${failure} is not there`, message, 1);
      failures.report("something else", message, 1);
      time += 5;
    }
    const told = logger.lines.filter(({ fields }) => String(fields["reason"]).startsWith("order"));
    expect(told.map(({ fields }) => fields["failuresSinceLast"])).toEqual([undefined, 199, 199]);
    expect(logger.lines.length).toBe(6);
  });

  test("of ever new kinds take no more memory than a hundred", () => {
    time = 0;
    const logger = new RecordingLogger();
    const failures = new Failures("g", logger);
    const kind = (index: number) => "abcdefghij"[index % 10]!.repeat(1 + Math.floor(index / 10));
    for (let index = 0; index < 150; index++) failures.report(kind(index), message, 1);
    failures.report(kind(149), message, 1);
    expect(logger.lines.length).toBe(150);
    // Forgotten, and so told again.
    failures.report(kind(0), message, 1);
    expect(logger.lines.length).toBe(151);
  });
});
