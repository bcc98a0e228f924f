import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { faultsInMetrics } from "../support/prometheus.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { startWarren, type WarrenProcess } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** What is listened on for those who run it. */
async function adminOf(warren: WarrenProcess): Promise<string> {
  const said = ({ msg }: { msg: string }) => msg === "listening" || msg === "processing";
  return String((await warren.waitForLog(said, "it says where its admin port is"))["admin"]);
}

async function metricsAt(admin: string, accept = "text/plain"): Promise<string> {
  const response = await fetch(new URL("/metrics", admin), { headers: { accept } });
  expect(response.headers.get("content-type")).toContain(accept);
  return await response.text();
}

test("a processor tells on its admin port how it is, with RabbitMQ away too", async () => {
  await using warren = await startWarren([
    "processor",
    "--broker",
    "amqp://127.0.0.1:1",
    "--admin-port",
    "0",
  ]);
  const admin = await adminOf(warren);
  expect((await fetch(new URL("/healthz", admin))).status).toBe(200);
  const ready = await fetch(new URL("/readyz", admin));
  expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("broker not connected")]);
  const text = await metricsAt(admin);
  for (const line of [
    'warren_handled_total{outcome="answered"} 0',
    "warren_handler_seconds_count 0",
    "warren_broker_connected 0",
    "warren_queue_messages NaN",
    "warren_answers_published_total 0",
  ])
    expect(text).toContain(`\n${line}\n`);
  expect(text).toMatch(/\nwarren_build_info\{version="[^"]+",bun="[^"]+",role="processor"\} 1\n/);
  expect(await faultsInMetrics(text, await metricsAt(admin, "application/openmetrics-text"))).toBe("");
});

test("manager and processor in one process show what both did, in a form that Prometheus takes", async () => {
  await using warren = await startWarren(["--admin-port", "0"], { readyWhen: "running" });
  await warren.waitUntilListening();
  const admin = await adminOf(warren);
  await using anna = await connect(warren.wsUrl("/ws/anna"));
  anna.send("hello");
  expect(await anna.next()).toBe("processed message: hello");
  const text = await metricsAt(admin);
  expect(text).toContain('\nwarren_handled_total{outcome="answered"} 1\n');
  expect(text).toContain("\nwarren_handler_seconds_count 1\n");
  expect(text).toContain("\nwarren_messages_received_total 1\n");
  expect(await faultsInMetrics(text, await metricsAt(admin, "application/openmetrics-text"))).toBe("");
});
