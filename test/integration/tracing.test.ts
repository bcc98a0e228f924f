import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../support/client.ts";
import { removeAtExit } from "../support/leftovers.ts";
import { faultsInExport } from "../support/otlp.ts";
import { connectStomp } from "../support/stomp-client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
}

/** What a collector gets, in OTLP's JSON. */
function startCollector() {
  const spans: Span[] = [];
  const services = new Set<string>();
  const faults: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname !== "/v1/traces" || request.headers.get("content-type") !== "application/json")
        return new Response("", { status: 404 });
      const exported: unknown = await request.json();
      faults.push(...faultsInExport(exported));
      const { resourceSpans } = exported as {
        resourceSpans: {
          resource: Pick<Span, "attributes">;
          scopeSpans: { scope: { name: string }; spans: Span[] }[];
        }[];
      };
      for (const { resource, scopeSpans } of resourceSpans) {
        for (const { key, value } of resource.attributes)
          if (key === "service.name") services.add(value.stringValue);
        for (const { spans: some } of scopeSpans) spans.push(...some);
      }
      return Response.json({ partialSuccess: {} });
    },
  });
  return { url: server.url.href, spans, services, faults, [Symbol.dispose]: () => void server.stop(true) };
}

test("a trace goes with a message through WebSocket, AMQP, the handler and the answer, and its spans to a collector", async () => {
  const folder = mkdtempSync(join(tmpdir(), "warren-tracing-"));
  removeAtExit(folder);
  const handler = join(folder, "handler.ts");
  writeFileSync(handler, `export default ({ text }, { traceparent }) => [text, traceparent].join(" ");`);
  using collector = startCollector();
  const args = [
    "--handler",
    handler,
    "--otlp-url",
    collector.url,
    "--trace-sample",
    "2",
    "--admin-port",
    "0",
  ];
  await using warren = await startWarren(args);
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  const ofTrace = (id: string) => collector.spans.filter((span) => span.traceId === id);
  const named = (id: string, name: string) => ofTrace(id).find((span) => span.name === name);

  await using anna = await connectStomp(warren.wsUrl("/ws/anna"));
  const heard = await anna.subscribe("/topic/a");
  anna.send("/topic/a", "hello", { traceparent, tracestate: "vendor=1" });
  const answer = await until(() => heard.find(({ body }) => body.startsWith("hello ")), "the answer");
  await until(() => ofTrace(traceId).length === 3, "three spans");

  const [publish, handle, deliver] = ["publish", "handle", "deliver"].map((name) => named(traceId, name)!);
  expect(publish).toMatchObject({ parentSpanId: "00f067aa0ba902b7", kind: 4, status: { code: 0 } });
  expect(handle).toMatchObject({ parentSpanId: publish!.spanId, kind: 5 });
  expect(deliver).toMatchObject({ parentSpanId: handle!.spanId, kind: 5 });
  // The handler and the answer are told the handler's span.
  expect(answer.body).toBe(`hello 00-${traceId}-${handle!.spanId}-01`);
  expect(answer.headers).toMatchObject({
    traceparent: `00-${traceId}-${handle!.spanId}-01`,
    tracestate: "vendor=1",
  });
  for (const span of ofTrace(traceId)) {
    expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(span.startTimeUnixNano).toMatch(/^\d{19}$/);
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    expect(Math.abs(Number(BigInt(span.startTimeUnixNano) / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    const attributes = Object.fromEntries(span.attributes.map(({ key, value }) => [key, value.stringValue]));
    expect(attributes).toMatchObject({ "messaging.system": "rabbitmq", "messaging.destination.name": "a" });
  }
  expect([...collector.services]).toEqual(["warren-all"]);

  // One that its sender does not want recorded is not, and keeps its trace.
  anna.send("/topic/a", "unrecorded", { traceparent: traceparent.replace(/01$/, "00") });
  const unrecorded = await until(
    () => heard.find(({ body }) => body.startsWith("unrecorded ")),
    "the answer",
  );
  expect(unrecorded.body).toBe(`unrecorded ${traceparent.replace(/01$/, "00")}`);

  // Of others one in two begins a trace.
  await using ben = await connect(warren.wsUrl("/ws/ben?topic=b"));
  const traces: string[] = [];
  for (let message = 0; message < 4; message++) {
    ben.send("plain");
    const [, told] = /^plain (.*)$/.exec(String(await ben.next()))!;
    traces.push(told!);
  }
  expect(traces.map((trace) => trace !== "")).toEqual([false, true, false, true]);
  const begun = traces[1]!.split("-")[1]!;
  await until(() => ofTrace(begun).length === 3, "its spans");
  expect(named(begun, "publish")).not.toHaveProperty("parentSpanId");
  const admin = (await warren.waitForLog(({ msg }) => msg === "listening", "it listens"))["admin"];
  const metrics = async () => (await fetch(new URL("/metrics", String(admin)))).text();
  // A batch counts as sent when the collector has answered.
  await until(
    async () => /\nwarren_spans_sent_total [6-9]\n/.test(await metrics()),
    "both traces count as sent",
  );
  expect(await metrics()).toContain("\nwarren_spans_dropped_total 0\n");
  expect(collector.faults).toEqual([]);
});

test("what the protocol for spans does not know, or has otherwise, is found", () => {
  const span = {
    traceId: "0".repeat(32),
    spanId: "00f067aa0ba902b7",
    name: "publish",
    kind: "PRODUCER",
    colour: "red",
  };
  const times = { startTimeUnixNano: 1, endTimeUnixNano: "1795651200000000000" };
  expect(
    faultsInExport({ resourceSpans: [{ scopeSpans: [{ spans: [{ ...span, ...times }, {}] }] }] }),
  ).toEqual([
    `request.resourceSpans[0].scopeSpans[0].spans[0].traceId cannot be "${span.traceId}"`,
    'request.resourceSpans[0].scopeSpans[0].spans[0].kind cannot be "PRODUCER"',
    "there is no request.resourceSpans[0].scopeSpans[0].spans[0].colour",
    "request.resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano cannot be 1",
    ...["traceId", "spanId", "name", "startTimeUnixNano", "endTimeUnixNano"].map(
      (name) => `request.resourceSpans[0].scopeSpans[0].spans[1] has no ${name}`,
    ),
  ]);
});
