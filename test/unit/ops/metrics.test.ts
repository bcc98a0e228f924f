import { describe, expect, test } from "bun:test";
import { Histogram } from "../../../src/ops/histogram.ts";
import {
  buildInfo,
  exposition,
  formatFor,
  type LabelledMetric,
  type Metric,
  processMetrics,
} from "../../../src/ops/metrics.ts";
import { outboxMetrics } from "../../../src/outbox/metrics.ts";
import { Outbox } from "../../../src/outbox/outbox.ts";
import { ProcessorMetrics } from "../../../src/processor/processor-metrics.ts";
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
});

test("OpenMetrics, which Prometheus asks for, names a counter without its ending, and has an end", () => {
  const metrics: Metric[] = [
    { name: "warren_clients", type: "gauge", help: "Connected clients.", read: () => 3 },
    { name: "warren_messages_received_total", type: "counter", help: "Messages.", read: () => 7 },
  ];
  expect(formatFor(null)).toBe("text");
  expect(formatFor("text/plain;version=0.0.4;q=0.5, */*")).toBe("text");
  expect(formatFor("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.4")).toBe("openMetrics");
  expect(exposition(metrics, "openMetrics")).toBe(
    [
      "# HELP warren_clients Connected clients.",
      "# TYPE warren_clients gauge",
      "warren_clients 3",
      "# HELP warren_messages_received Messages.",
      "# TYPE warren_messages_received counter",
      "warren_messages_received_total 7",
      "# EOF",
      "",
    ].join("\n"),
  );
});

test("a label's value may be any text", () => {
  const metric: LabelledMetric = {
    name: "x",
    type: "gauge",
    help: "x",
    label: "topic",
    readEach: () => [['a"b\\c\nd', 1]],
  };
  expect(exposition([metric])).toEndWith('x{topic="a\\"b\\\\c\\nd"} 1\n');
});

test("a histogram counts what is no larger than each of its bounds, and weighs it", () => {
  const histogram = new Histogram({ name: "x_seconds", help: "x." }, [0.1, 1]);
  histogram.record(0.1);
  histogram.record(0.5, 3);
  histogram.record(7);
  expect(exposition([histogram.metric])).toBe(
    [
      "# HELP x_seconds x.",
      "# TYPE x_seconds histogram",
      'x_seconds_bucket{le="0.1"} 1',
      'x_seconds_bucket{le="1.0"} 4',
      'x_seconds_bucket{le="+Inf"} 5',
      "x_seconds_sum 8.6",
      "x_seconds_count 5",
      "",
    ].join("\n"),
  );
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
  const outbox = new Outbox("app", false);
  const nothing = { handlersRunning: 0, deliveriesOpen: 0, heldBytes: 0, queued: 0 };
  const all = [
    buildInfo("all"),
    ...processMetrics,
    ...outboxMetrics(outbox),
    ...outboxMetrics(outbox, "warren_answers_"),
    ...new ProcessorMetrics(nothing).all,
  ];

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
  expect([value("warren_published_total"), value("warren_outbox_bytes")]).toEqual([2, outbox.level.bytes]);
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
