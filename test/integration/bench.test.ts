import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { executable } from "../support/executable.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Runs the load generator to its end. */
async function bench(...args: string[]) {
  const child = Bun.spawn([await executable(), "--role", "bench", ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

const small = ["--clients", "20", "--publishers", "4", "--rate", "400", "--duration", "1s"];

describe("--role bench", () => {
  test("finds every message relayed and processed, and exits 0", async () => {
    await using warren = await startWarren(["--log-messages", "off"]);
    const { out, code } = await bench("--url", warren.wsUrl("/ws"), "--json", ...small);
    const result = JSON.parse(out);
    expect(code).toBe(0);
    expect(result.sent).toBeGreaterThan(0);
    expect(result.relayed).toMatchObject({
      expected: result.sent * 23,
      lost: 0,
      duplicated: 0,
      reordered: 0,
    });
    expect(result.processed).toMatchObject({
      expected: result.sent * 24,
      lost: 0,
      duplicated: 0,
      reordered: 0,
    });
    expect(result.clients).toEqual({ connected: 24, failed: 0, closed: 0 });
  });

  test("by STOMP on two managers of one RabbitMQ, clients that are cut off resume on the other one", async () => {
    const broker = await (await sharedRabbitmq()).vhost();
    const startManager = () =>
      startWarren(["--role", "manager", "--broker", broker, "--log-messages", "off"], { readyWhen: "ready" });
    await using here = await startManager();
    await using there = await startManager();
    const urls = [here, there].map((manager) => manager.wsUrl("/ws?topic=bench")).join(",");
    const stomp = ["--protocol", "stomp", "--receipts", "--durable", "--reconnect-every", "20ms"];
    const { out, code } = await bench("--url", urls, "--json", ...stomp, ...small);
    const result = JSON.parse(out);
    const faultless = { lost: 0, duplicated: 0, reordered: 0 };
    expect(result.relayed).toMatchObject({ expected: result.sent * 24, ...faultless });
    expect(result.receipts).toMatchObject({ expected: result.sent, ...faultless });
    expect(result.reconnects.failed).toBe(0);
    expect(result.reconnects.resumed).toBeGreaterThan(10);
    expect(code).toBe(0);
  });

  test("prints a table for people", async () => {
    await using warren = await startWarren(["--log-messages", "off"]);
    const { out, code } = await bench("--url", warren.wsUrl("/ws"), ...small);
    expect(code).toBe(0);
    for (const word of [
      "relayed",
      "processed",
      "lost",
      "duplicated",
      "reordered",
      "p50",
      "p99",
      "p99.9",
      "max",
    ]) {
      expect(out).toContain(word);
    }
  });

  test("exits 1 and counts what is lost where every other message is dropped", async () => {
    let received = 0;
    const server = Bun.serve({
      port: 0,
      fetch: (request, bun) => (bun.upgrade(request) ? undefined : new Response("", { status: 400 })),
      websocket: {
        open: (socket) => void socket.subscribe("all"),
        message(socket, text) {
          if (++received % 2 === 0) socket.publish("all", text);
        },
      },
    });
    const { out, code } = await bench("--url", `ws://127.0.0.1:${server.port}/ws`, "--json", ...small);
    await server.stop(true);
    expect(code).toBe(1);
    expect(JSON.parse(out).relayed.lost).toBeGreaterThan(0);
  });

  test("says in one line what to do where nobody listens", async () => {
    const { out, err, code } = await bench("--url", "ws://127.0.0.1:1/ws", ...small);
    expect({ out, code }).toEqual({ out: "", code: 1 });
    expect(err).toMatch(/^warren: [^\n]+\n$/);
  });
});
