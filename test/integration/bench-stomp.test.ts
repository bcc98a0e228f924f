import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { runBench } from "../../src/bench/bench.ts";
import type { Result } from "../../src/bench/result.ts";
import { FakeStomp, type StompFaults } from "../support/fake-stomp.ts";
import { optionsOf, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

let server: FakeStomp | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function measure(url: string, ...args: string[]): Promise<{ code: number; result: Result }> {
  let text = "";
  const small = ["--clients", "6", "--publishers", "3", "--rate", "1000", "--duration", "400ms"];
  const options = optionsOf(
    "--role",
    "bench",
    "--json",
    "--protocol",
    "stomp",
    ...small,
    "--url",
    url,
    ...args,
  );
  const silent = { write: () => undefined };
  const code = await runBench(
    options,
    { write: (more) => (text += more) },
    silent,
    new AbortController().signal,
  );
  return { code, result: JSON.parse(text) };
}

function start(faults?: StompFaults): FakeStomp {
  server = new FakeStomp(faults);
  return server;
}

const resuming = ["--durable", "--reconnect-every", "10ms"];

test("against Warren every message is relayed to all, answered, and confirmed by a receipt", async () => {
  await using system = startSystem();
  const { code, result } = await measure(system.wsUrl("/ws?topic=bench"), "--receipts");
  const faultless = { lost: 0, duplicated: 0, reordered: 0 };
  expect(result.sent).toBe(480);
  expect(result.relayed).toMatchObject({ expected: 480 * 9, ...faultless });
  expect(result.processed).toMatchObject({ expected: 480 * 9, ...faultless });
  expect(result.receipts).toMatchObject({ expected: 480, ...faultless });
  expect(result.receipts!.p50Us).toBeGreaterThan(0);
  expect({ code, foreign: result.foreign }).toEqual({ code: 0, foreign: 0 });
});

test("against Warren clients that are cut off resume from the log, and nothing is lost or comes twice", async () => {
  await using system = startSystem();
  const { code, result } = await measure(system.wsUrl("/ws?topic=bench"), "--receipts", ...resuming);
  const faultless = { lost: 0, duplicated: 0, reordered: 0 };
  expect(result.reconnects!.resumed).toBeGreaterThan(10);
  expect(result.reconnects!.failed).toBe(0);
  expect(result.relayed).toMatchObject({ expected: 480 * 9, ...faultless });
  expect(result.processed).toMatchObject({ expected: 480 * 9, ...faultless });
  expect(result.receipts).toMatchObject({ expected: 480, ...faultless });
  expect(code).toBe(0);
});

test("a receipt that does not come is a message lost, and the exit code is 1", async () => {
  const { url } = start({ forgetReceipt: (count) => count % 100 === 50 });
  const { code, result } = await measure(url, "--receipts");
  expect(result.relayed.lost).toBe(0);
  expect(result.receipts).toMatchObject({ expected: 480, lost: 5 });
  expect(code).toBe(1);
});

test("clients that are cut off go on where they were, and nothing is lost or comes twice", async () => {
  const fake = start();
  const { code, result } = await measure(fake.url, ...resuming);
  expect(result.reconnects).toMatchObject({ failed: 0, resumed: fake.resumed });
  expect(fake.resumed).toBeGreaterThan(10);
  expect(result.reconnects!.p99Us).toBeGreaterThan(0);
  expect(result.relayed).toMatchObject({ expected: 480 * 9, lost: 0, duplicated: 0, reordered: 0 });
  expect(code).toBe(0);
});

test("what a resuming client gets once more is duplicated", async () => {
  const fake = start({ resumeAt: (next) => next - 1 });
  const { code, result } = await measure(fake.url, ...resuming);
  expect(result.relayed).toMatchObject({ lost: 0, duplicated: fake.resumed, reordered: 0 });
  expect(code).toBe(0);
});

test("what a resuming client does not get is lost, and the exit code is 1", async () => {
  const fake = start({ resumeAt: (next) => next + 1 });
  const { code, result } = await measure(fake.url, ...resuming);
  expect(fake.resumed).toBeGreaterThan(10);
  expect(result.relayed.lost).toBeGreaterThan(0);
  expect(result.relayed.lost).toBeLessThanOrEqual(fake.resumed);
  expect(code).toBe(1);
});

test("a server that refuses the subscription is quoted", async () => {
  await using system = startSystem();
  const refused = measure(system.wsUrl(`/ws?topic=${encodeURIComponent(Array(17).fill("*").join("."))}`));
  await expect(refused).rejects.toThrow("the server said: a pattern has at most 16 words");
});
