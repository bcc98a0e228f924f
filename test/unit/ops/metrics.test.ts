import { describe, expect, test } from "bun:test";
import {
  exposition,
  type LabelledMetric,
  type Metric,
  metricsContentType,
  processMetrics,
} from "../../../src/ops/metrics.ts";
import { outboxMetrics } from "../../../src/outbox/metrics.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { RecordingLink } from "../doubles/recording-link.ts";

test("the exposition is Prometheus' text format", () => {
  const metrics: Metric[] = [
    { name: "warren_clients", type: "gauge", help: "Connected clients.", read: () => 3 },
    { name: "warren_messages_received_total", type: "counter", help: "Messages.", read: () => 1e15 },
  ];
  expect(exposition(metrics)).toBe(
    [
      "# HELP warren_clients Connected clients.",
      "# TYPE warren_clients gauge",
      "warren_clients 3",
      "# HELP warren_messages_received_total Messages.",
      "# TYPE warren_messages_received_total counter",
      "warren_messages_received_total 1000000000000000",
      "",
    ].join("\n"),
  );
  expect(exposition([])).toBe("");
  expect(metricsContentType).toStartWith("text/plain; version=0.0.4");
});

test("a metric with a label has a line for each of its values", () => {
  const metric: LabelledMetric = {
    name: "warren_refused_total",
    type: "counter",
    help: "Refused.",
    label: "reason",
    readEach: () => [
      ["origin", 2],
      ["stopping", 0],
    ],
  };
  expect(exposition([metric])).toEndWith(
    'counter\nwarren_refused_total{reason="origin"} 2\nwarren_refused_total{reason="stopping"} 0\n',
  );
});

test("a metric is read when it is asked for, each time", () => {
  let reads = 0;
  const metric: Metric = { name: "x", type: "gauge", help: "x", read: () => ++reads };
  expect(reads).toBe(0);
  exposition([metric]);
  expect(exposition([metric])).toEndWith("x 2\n");
});

describe("every metric", () => {
  const all = [...processMetrics, ...outboxMetrics(new Outbox("app", false))];

  test.each(all.map((metric) => [metric.name, metric] as const))(
    "%s has a proper name, help and number",
    (name, metric) => {
      expect(name).toMatch(/^(warren|process)_[a-z_]+$/);
      expect(name.endsWith("_total")).toBe(metric.type === "counter");
      expect(metric.help).toMatch(/^[^\n\\]+\.$/);
      const numbers =
        "read" in metric
          ? [metric.read()]
          : "readEach" in metric
            ? Array.from(metric.readEach(), ([, number]) => number)
            : [metric.readHistogram().sum];
      expect(numbers.every(Number.isFinite)).toBe(true);
    },
  );

  test("has a name of its own", () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });
});

test("the outbox's metrics show its state", () => {
  const outbox = new Outbox("app", false);
  const value = (name: string) => {
    const metric = outboxMetrics(outbox).find((each) => each.name === name)!;
    return "read" in metric ? metric.read() : undefined;
  };
  outbox.append({ body: "one", topic: "" });
  outbox.append({ body: "two", topic: "" });
  expect([value("warren_published_total"), value("warren_outbox_bytes")]).toEqual([2, outbox.bytes]);
  outbox.opened(new RecordingLink());
  expect([value("warren_unconfirmed_envelopes"), value("warren_envelopes_total")]).toEqual([2, 2]);
  outbox.closed();
  outbox.opened(new RecordingLink());
  outbox.confirmed(1, false);
  expect(value("warren_envelopes_repeated_total")).toBe(2);
  expect(value("warren_envelopes_total")).toBe(4);
  expect(value("warren_confirmed_total")).toBe(1);
  expect(value("warren_unconfirmed_envelopes")).toBe(1);
});
