import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateAuthority } from "../support/certificates.ts";
import { executable } from "../support/executable.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Runs the load generator to its end. */
const bench = (...args: string[]) => benchWith({}, ...args);

async function benchWith(env: Record<string, string>, ...args: string[]) {
  const child = Bun.spawn([await executable(), "--role", "bench", ...args], {
    env: { ...process.env, ...env },
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

  test("with an app in the address each message is a request, answered to its publisher alone", async () => {
    await using warren = await startWarren(["--log-messages", "off"]);
    const asking = ["--clients", "0", "--publishers", "20", "--rate", "400", "--duration", "500ms"];
    const { out, code } = await bench("--url", warren.wsUrl("/ws?app=echo"), "--json", ...asking);
    const result = JSON.parse(out);
    const faultless = { lost: 0, duplicated: 0, reordered: 0 };
    expect(result.processed).toMatchObject({ expected: result.sent, delivered: result.sent, ...faultless });
    expect(result.relayed).toMatchObject({ expected: 0, delivered: 0, ...faultless });
    expect([result.foreign, code]).toEqual([0, 0]);
  });

  test("with {n} in the topic each publisher is on a topic of its own, and answered there alone", async () => {
    await using warren = await startWarren(["--log-messages", "off"]);
    const asking = ["--clients", "0", "--publishers", "20", "--rate", "400", "--duration", "500ms"];
    const { out, code } = await bench("--url", warren.wsUrl("/ws?topic=own.{n}"), "--json", ...asking);
    const result = JSON.parse(out);
    const faultless = { lost: 0, duplicated: 0, reordered: 0 };
    expect(result.processed).toMatchObject({ expected: result.sent, delivered: result.sent, ...faultless });
    expect(result.relayed).toMatchObject({ expected: 0, delivered: 0, ...faultless });
    expect([result.foreign, code]).toEqual([0, 0]);
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

  test("speaks TLS with wss://, and only to a certificate that it can trust", async () => {
    const folder = mkdtempSync(join(tmpdir(), "warren-bench-"));
    try {
      const authority = await CertificateAuthority.create(folder);
      const { cert, key } = await authority.issue("manager");
      await using warren = await startWarren(["--tls-cert", cert, "--tls-key", key, "--log-messages", "off"]);
      const url = warren.wsUrl("/ws");
      expect(url).toStartWith("wss://");
      const trusting = await benchWith(
        { NODE_EXTRA_CA_CERTS: authority.cert },
        "--url",
        url,
        "--json",
        ...small,
      );
      expect(trusting).toMatchObject({ code: 0 });
      expect(JSON.parse(trusting.out).relayed.lost).toBe(0);
      const wary = await bench("--url", url, ...small);
      expect(wary).toMatchObject({ code: 1, out: "" });
      expect(wary.err).toMatch(/^warren: cannot connect to wss:\S+: .*certificate.*\n$/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("with --stay, durable clients come back after a manager's restart and have missed nothing", async () => {
    const broker = await (await sharedRabbitmq()).vhost();
    const startManager = () =>
      startWarren(["--role", "manager", "--broker", broker, "--log-messages", "off"], { readyWhen: "ready" });
    const here = await startManager();
    await using there = await startManager();
    const urls = [here, there].map((manager) => manager.wsUrl("/ws?topic=bench")).join(",");
    const load = ["--clients", "20", "--publishers", "1", "--rate", "200", "--duration", "4s"];
    // The only publisher is on the first manager of the list: the other one stops.
    const running = bench(
      "--url",
      urls.split(",").reverse().join(","),
      "--json",
      "--stay",
      "--protocol",
      "stomp",
      "--durable",
      ...load,
    );
    await until(
      async () => (await metricsOf(new URL(here.url)))["warren_deliveries_total"]! > 100,
      "messages at half of the clients",
    );
    await here.stop();
    const { out, code } = await running;
    const result = JSON.parse(out);
    expect(result.returns).toMatchObject({ returned: 10, stillAway: 0 });
    expect(result.returns.missed).toBeGreaterThan(0);
    expect(result.relayed).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
    expect(result.reasons).toEqual([{ reason: expect.stringContaining("closed: 1001"), count: 10 }]);
    expect(code).toBe(0);
  });

  test("says in one line what to do where nobody listens", async () => {
    const { out, err, code } = await bench("--url", "ws://127.0.0.1:1/ws", ...small);
    expect({ out, code }).toEqual({ out: "", code: 1 });
    expect(err).toMatch(/^warren: [^\n]+\n$/);
  });
});
