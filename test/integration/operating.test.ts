import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect } from "../support/client.ts";
import { executable } from "../support/executable.ts";
import { faultsInMetrics } from "../support/prometheus.ts";
import { run } from "../support/run.ts";
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
    "--otlp-url",
    "http://127.0.0.1:9",
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
    "warren_spans_sent_total 0",
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
  expect(text).toContain("\nwarren_received_bytes_total 5\n");
  expect(text).toContain(`\nwarren_sent_bytes_total ${"processed message: hello".length}\n`);
  expect(text).toContain("\nwarren_connects_total 1\n");
  expect(text).toContain('\nwarren_busiest_topics_messages{topic=""} 1\n');
  for (const name of ["confirm", "log_delivery", "answer"])
    expect(text).toMatch(new RegExp(`\\nwarren_${name}_seconds_count [1-9]`));
  expect(await faultsInMetrics(text, await metricsAt(admin, "application/openmetrics-text"))).toBe("");
});

test("SIGUSR2 makes the log more verbose, down to connects, refusals and disconnects", async () => {
  await using warren = await startWarren();
  const said = (msg: string) => warren.log.filter((line) => line.msg === msg);
  const before = await connect(warren.wsUrl("/ws/before"));
  await before[Symbol.asyncDispose]();
  warren.signal("SIGUSR2");
  const changed = await warren.waitForLog(({ msg }) => msg === "the log level was changed", "it is changed");
  expect(changed["logLevel"]).toBe("debug");
  const anna = await connect(warren.wsUrl("/ws/anna"));
  await anna[Symbol.asyncDispose]();
  await fetch(new URL("/ws", warren.url));
  const left = await warren.waitForLog(({ msg }) => msg === "client left", "a client left");
  expect([left["client"], left["cause"]]).toEqual(["anna", "client"]);
  await warren.waitForLog(({ msg }) => msg === "handshake refused", "a handshake was refused");
  expect(said("client connected").map((line) => line["client"])).toEqual(["anna"]);
  for (let change = 2; change <= 4; change++) {
    warren.signal("SIGUSR2");
    await warren.waitForLog(() => said("the log level was changed").length === change, "changed again");
  }
  expect(said("the log level was changed").map((line) => line["logLevel"])).toEqual([
    "debug",
    "error",
    "warn",
    "info",
  ]);
});

test("a process stops at SIGTERM while its handler's file is still being loaded", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "warren-operating-")), "handler.ts");
  using _ = { [Symbol.dispose]: () => rmSync(dirname(file), { recursive: true }) };
  writeFileSync(file, 'console.log("loading"); await new Promise(() => {}); export default () => "never";');
  await using warren = await startWarren(["--handler", file], { readyWhen: "running" });
  await warren.waitForLog(({ msg }) => msg === "loading", "the file is being loaded");
  expect(await warren.stop()).toBe(0);
  expect(warren.log.at(-1)).toMatchObject({ msg: "stopped", signal: "SIGTERM" });
});

test("SIGTERM is not left waiting for a drain of an hour, and loses no client without a close", async () => {
  const folder = mkdtempSync(join(tmpdir(), "warren-operating-"));
  using _ = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  const [file, token] = [join(folder, "token"), "t".repeat(40)];
  writeFileSync(file, token);
  await using warren = await startWarren(["--admin-port", "0", "--admin-token-file", file]);
  await using anna = await connect(warren.wsUrl("/ws/anna"));
  await using ben = await connect(warren.wsUrl("/ws/ben"));
  const drain = new URL("/api/drain?over=60m", warren.adminUrl);
  const asked = await fetch(drain, { method: "POST", headers: { authorization: `Bearer ${token}` } });
  expect(asked.status).toBe(202);
  const first = await Promise.race([anna.closed, ben.closed]);
  expect(await warren.stop()).toBe(0);
  const codes = [(await anna.closed).code, (await ben.closed).code];
  expect([first.code, ...codes.toSorted()]).toEqual([1012, 1001, 1012]);
});

test("a command fails where what it prints cannot be written, and ends when its reader has all of it", async () => {
  const program = await executable();
  const full = Bun.spawn(["sh", "-c", '"$0" --handler-types > /dev/full', program], { stderr: "pipe" });
  expect(await new Response(full.stderr).text()).toMatch(
    /^warren: the output could not be written: .*no space left on device/,
  );
  expect(await full.exited).toBe(1);
  expect(await run(["sh", "-c", '"$0" --handler-types | head -1', program])).not.toBe("");
});
