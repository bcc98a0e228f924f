import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { runBench } from "../../src/bench/bench.ts";
import type { BenchOptions } from "../../src/bench/plan.ts";
import type { Result } from "../../src/bench/result.ts";
import { FatalError } from "../../src/errors.ts";
import { FakeManager, type Faults } from "../support/fake-manager.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";

setDefaultTimeout(integrationTimeoutMs);

const isProcessed = (text: string) => text.startsWith("processed message: ");

let manager: FakeManager | undefined;

afterEach(async () => {
  await manager?.stop();
  manager = undefined;
});

function start(hasProcessor: boolean, faults?: Faults): FakeManager {
  manager = new FakeManager(hasProcessor, faults);
  return manager;
}

async function textOf(changes: Partial<BenchOptions>, signal = new AbortController().signal) {
  let text = "";
  let progress = "";
  const options = {
    url: [manager?.url ?? ""],
    clients: 5,
    publishers: 3,
    rate: 1000,
    size: 64,
    durationMs: 200,
    json: false,
    protocol: "text" as const,
    receipts: false,
    durable: false,
    reconnectEveryMs: undefined,
    stay: false,
  };
  const code = await runBench(
    { ...options, ...changes },
    { write: (more) => (text += more) },
    { write: (more) => (progress += more), isTTY: true },
    signal,
  );
  return { code, text, progress };
}

async function measure(changes: Partial<BenchOptions> = {}): Promise<{ code: number; result: Result }> {
  const { code, text } = await textOf({ ...changes, json: true });
  return { code, result: JSON.parse(text) as Result };
}

test("a run without a fault delivers everything and exits 0", async () => {
  start(true);
  const { code, result } = await measure();
  expect(code).toBe(0);
  expect(result.sent).toBe(240);
  expect(result.due).toBe(240);
  expect(result.relayed).toMatchObject({
    expected: 240 * 7,
    delivered: 240 * 7,
    lost: 0,
    duplicated: 0,
    reordered: 0,
  });
  expect(result.processed).toMatchObject({
    expected: 240 * 8,
    delivered: 240 * 8,
    lost: 0,
    duplicated: 0,
    reordered: 0,
  });
  expect(result.clients).toEqual({ connected: 8, failed: 0, closed: 0 });
  expect(result).toMatchObject({ foreign: 0, drained: "complete", isExact: true });
  expect(result.relayed.p50Us).toBeLessThanOrEqual(result.relayed.maxUs ?? 0);
});

test("without a processor, nothing processed is lost", async () => {
  start(false);
  const { code, text } = await textOf({});
  expect(code).toBe(0);
  expect(text).toContain("none: no processor answered");
  expect(text).toMatch(/^delivered +1,680$/m);
});

test("what is not relayed is lost, to the message, and the exit code is 1", async () => {
  let dropped = 0;
  let deliveries = 0;
  start(false, {
    deliver: (_client, text) => {
      if (++deliveries % 7 !== 0) return [text];
      dropped++;
      return [];
    },
  });
  const { code, result } = await measure();
  expect(dropped).toBeGreaterThan(100);
  expect(result.relayed).toMatchObject({
    lost: dropped,
    delivered: 1680 - dropped,
    duplicated: 0,
    reordered: 0,
  });
  expect(code).toBe(1);
});

test("lost answers count once any has come, and the exit code is 1", async () => {
  let dropped = 0;
  start(true, {
    deliver: (client, text) => {
      if (client !== 4 || !isProcessed(text) || dropped === 5) return [text];
      dropped++;
      return [];
    },
  });
  const { code, result } = await measure();
  expect(result.relayed.lost).toBe(0);
  expect(result.processed).toMatchObject({ lost: 5, duplicated: 0, reordered: 0 });
  expect(code).toBe(1);
});

test("what comes twice is duplicated, to the message", async () => {
  let doubled = 0;
  let deliveries = 0;
  start(true, {
    deliver: (_client, text) => {
      if (++deliveries % 11 !== 0) return [text];
      doubled++;
      return [text, text];
    },
  });
  const { code, result } = await measure();
  expect(result.relayed.duplicated + (result.processed?.duplicated ?? 0)).toBe(doubled);
  expect(result.relayed).toMatchObject({ lost: 0, reordered: 0 });
  expect(code).toBe(0);
});

test("what overtakes a message of the same publisher is reordered, to the message", async () => {
  const held = new Map<string, string>();
  let swapped = 0;
  start(true, {
    deliver: (client, text) => {
      if (isProcessed(text)) return [text];
      const [, publisher, sequence] = text.split(" ");
      const key = `${client} ${publisher}`;
      const earlier = held.get(key);
      if (earlier !== undefined) {
        held.delete(key);
        swapped++;
        return [text, earlier];
      }
      if (Number(sequence) % 5 !== 0) return [text];
      held.set(key, text);
      return [];
    },
  });
  const { code, result } = await measure();
  expect(swapped).toBeGreaterThan(100);
  expect(result.relayed).toMatchObject({ lost: 0, duplicated: 0, reordered: swapped });
  expect(code).toBe(0);
});

test("texts of others, answers to others, a publisher's own message and one not sent yet are foreign", async () => {
  let first = true;
  start(true, {
    onMessage: (clients, text) => {
      if (!first) return;
      first = false;
      for (const each of ["hello", "", "x".repeat(64), `processed message: ${"x".repeat(64)}`, `${text}!`])
        clients[5]?.send(each);
      clients[0]?.send(text);
      clients[5]?.send(text.replace(" 00 ", " 79 "));
      clients[6]?.send(Buffer.from(text));
    },
  });
  const { result } = await measure();
  expect(result.foreign).toBe(8);
  expect(result.relayed).toMatchObject({ lost: 0, duplicated: 0 });
});

test("a client that is closed is told with code and reason, and what it misses is lost", async () => {
  let messages = 0;
  start(false, { onMessage: (clients) => ++messages === 100 && clients[7]?.close(1008, "too slow") });
  const { code, result } = await measure();
  expect(result.clients).toEqual({ connected: 8, failed: 0, closed: 1 });
  expect(result.reasons).toEqual([{ reason: 'closed: 1008 "too slow"', count: 1 }]);
  expect(result.relayed.lost).toBe(240 - 99);
  expect(code).toBe(1);
});

test("clients that are refused are told with the status, and nothing is expected of them", async () => {
  start(true, { refuse: (client) => (client >= 6 ? new Response(null, { status: 503 }) : undefined) });
  const { code, result } = await measure();
  expect(result.clients).toEqual({ connected: 6, failed: 2, closed: 0 });
  expect(result.reasons[0]?.reason).toContain("HTTP 503 Service Unavailable instead of a WebSocket");
  expect(result.relayed).toMatchObject({ expected: 240 * 5, lost: 0 });
  expect(code).toBe(1);
});

test("pings are answered", async () => {
  const fake = start(true);
  await measure();
  expect(fake.pongs).toBe(8);
});

test("large messages arrive whole", async () => {
  start(true);
  const { code, result } = await measure({ size: 300_000, rate: 50, clients: 1, publishers: 2 });
  expect(result.sent).toBeGreaterThan(0);
  expect(result.processed).toMatchObject({ delivered: result.sent * 3, lost: 0 });
  expect(code).toBe(0);
});

test("a stall counts for every message that was due in it", async () => {
  let messages = 0;
  start(true, { onMessage: () => ++messages === 100 && Bun.sleepSync(400) });
  const { result } = await measure({ durationMs: 500 });
  // 400 of the 500 ms measured: had only the message that was under way counted, the median would not show it.
  expect(result.relayed.p50Us).toBeGreaterThan(50_000);
});

test("a server that is not there is a fatal error that says so", async () => {
  const gone = start(false).url;
  await manager?.stop();
  const run = textOf({ url: [gone] });
  await expect(run).rejects.toThrow(FatalError);
  await expect(run).rejects.toThrow(`cannot connect to ${gone}: nothing listens there`);
});

test("a server without WebSockets is a fatal error that names the status", async () => {
  start(false, { refuse: () => new Response(null, { status: 404 }) });
  await expect(textOf({})).rejects.toThrow("HTTP 404 Not Found instead of a WebSocket; check --url");
});

test("an abort ends the run early with a report", async () => {
  start(true);
  const { text, code } = await textOf({ durationMs: 60_000 }, AbortSignal.timeout(600));
  expect(text).toMatch(/^ended early +after/m);
  expect(text).toMatch(/^lost +0 +0$/m);
  expect(code).toBe(0);
});

test("an abort before all are connected ends the run without sending", async () => {
  start(false);
  const { text, code } = await textOf({ clients: 300 }, AbortSignal.abort());
  expect(text).toMatch(/^sent +0, 0\/s$/m);
  expect(code).toBe(0);
});

test("a server that stops reading holds its publishers back, and what they could not send is not called lost", async () => {
  let messages = 0;
  start(false, {
    onMessage: (clients) => {
      if (++messages === 5) for (const client of clients) client.pause();
    },
  });
  const { result } = await measure({ size: 100_000, rate: 2000, clients: 1, publishers: 2 });
  // 480 were due, 48 MB. What the kernel's buffers take of it depends on the machine.
  expect(result.sent).toBeLessThan(240);
  expect(result.relayed.expected).toBe(result.sent * 2);
});

test("a server that goes away ends the run early", async () => {
  let messages = 0;
  start(false, {
    onMessage: (clients) => {
      if (++messages === 50) for (const client of clients) client.close(1001);
    },
  });
  const { code, result } = await measure({ durationMs: 60_000 });
  expect(result.clients.closed).toBe(8);
  expect(code).toBe(1);
});

test("a terminal sees how it is going on a line that is rewritten and cleared", async () => {
  start(true);
  const { progress } = await textOf({ durationMs: 1000 });
  const [empty, line, ...rest] = progress.split("\r");
  expect(empty).toBe("");
  expect(line).toMatch(/^1 of 1\.2 s · sent [\d,]+\/s · relayed [\d,]+\/s · processed [\d,]+\/s/);
  expect(rest.at(-1)).toBe("\x1b[K");
});
