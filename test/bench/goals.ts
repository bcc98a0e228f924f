import { applicationGoals } from "./application-goals.ts";
import { median } from "./samples.ts";
import type { Measure } from "./setting.ts";
import { steeringGoals } from "./steering-goals.ts";

/** A number to reach: usually the ratio of two medians of the same run. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  /** Undefined if what it needs was not measured. */
  readonly value: number | undefined;
  readonly unit: string;
  readonly isReached: boolean | undefined;
}

/** The median of a contender in a measure. */
export type Medians = (measure: string, contender: string) => number | undefined;

/** What the project set itself to reach, and how far it came in this run. */
export function goalsOf(measures: readonly Measure[]): Goal[] {
  const of: Medians = (measure, contender) =>
    // Some contenders carry their rate in their name.
    median(
      measures
        .find(({ name }) => name === measure)
        ?.series.find(
          (series) => series.contender === contender || series.contender.startsWith(`${contender} at `),
        )?.samples ?? [],
    );
  const rawBeside = (contender: string) => {
    const series = measures.find(({ name }) => name === "frozen-p99")?.series ?? [];
    const index = series.findIndex((one) => one.contender.startsWith(`${contender} at `));
    // The raw server at the same rate comes right before it.
    return median(series[index - 1]?.samples ?? []);
  };
  const outboxMb = maxOf(of("frozen-outbox", "warren"), of("frozen-outbox", "warren --plain-copies off"));
  const growth = maxOf(of("frozen-growth", "warren"), of("frozen-growth", "warren --plain-copies off"));
  const spread = ratio(of("receivers", "warren to 10,000"), of("receivers", "warren to 10"));
  return [
    atLeast("relay to 1,000, warren ÷ raw", 0.95, ratio(of("fan-out", "warren"), of("fan-out", "raw"))),
    atLeast(
      "relay to 1,000, --plain-copies off ÷ raw",
      0.9,
      ratio(of("fan-out", "warren --plain-copies off"), of("fan-out", "raw")),
    ),
    atMost(
      "RabbitMQ frozen: p99, warren ÷ raw",
      1.2,
      "×",
      ratio(of("frozen-p99", "warren"), rawBeside("warren")),
    ),
    atMost(
      "RabbitMQ frozen: p99, --plain-copies off ÷ raw",
      1.2,
      "×",
      ratio(of("frozen-p99", "warren --plain-copies off"), rawBeside("warren --plain-copies off")),
    ),
    atMost("RabbitMQ frozen: in the outbox", 67.1, "MB", outboxMb),
    atMost("RabbitMQ frozen: growth of the process", 67.1, "MB", growth),
    atLeast("round trip, warren ÷ naive", 12, ratio(of("round-trip", "warren"), of("round-trip", "naive"))),
    atLeast(
      "round trip, beside another program ÷ naive",
      6,
      ratio(of("round-trip", "warren beside another program"), of("round-trip", "naive")),
    ),
    atLeast(
      "round trip, --plain-copies off ÷ naive",
      40,
      ratio(of("round-trip", "warren --plain-copies off"), of("round-trip", "naive")),
    ),
    atLeast(
      "round trip, --plain-copies off ÷ light",
      5,
      ratio(of("round-trip", "warren --plain-copies off"), of("round-trip", "light")),
    ),
    atMost(
      "round trip at 500/s: p50, warren ÷ naive",
      0.9,
      "×",
      ratio(of("answer-p50", "warren"), of("answer-p50", "naive")),
    ),
    atMost(
      "RabbitMQ's CPU for a round trip at 8,000/s",
      60,
      "µs",
      of("round-trip-cost", "warren at 8,000/s"),
    ),
    atMost(
      "RabbitMQ's CPU for a round trip at 20,000/s",
      40,
      "µs",
      of("round-trip-cost", "warren at 20,000/s"),
    ),
    ...followersGoals(of),
    atMost("memory of an idle client", 2048, "bytes", of("idle", "warren")),
    atMost("CPU of a delivery, to 10,000 ÷ to 10", 1.5, "×", spread),
    atMost(
      "CPU of a delivery to 10, warren ÷ raw",
      2.3,
      "×",
      ratio(
        of("receivers-few", "warren to 10, 1,000 messages/s"),
        of("receivers-few", "raw to 10, 1,000 messages/s"),
      ),
    ),
    atLeast(
      "STOMP to 1,000, live ÷ raw frames",
      0.6,
      ratio(of("stomp", "warren STOMP"), of("stomp", "raw frames")),
    ),
    atLeast(
      "STOMP to 1,000, live ÷ Web STOMP",
      20,
      ratio(of("stomp", "warren STOMP"), of("fan-out", "Web STOMP")),
    ),
    atLeast(
      "STOMP to 1,000, durable ÷ raw frames",
      0.4,
      ratio(of("stomp", "warren durable"), of("stomp", "raw frames")),
    ),
    atLeast(
      "publishing, with receipts ÷ without",
      0.3,
      ratio(of("stomp-receipts", "warren receipts"), of("stomp-receipts", "warren")),
    ),
    atMost(
      "CPU of a delivery, 10,000 topics ÷ one",
      2,
      "×",
      ratio(of("stomp-topics", "10,000 topics"), of("stomp-topics", "one topic")),
    ),
    atMost(
      "p50 to another manager ÷ processor and back",
      2,
      "×",
      ratio(of("stomp-cross", "to another manager"), of("stomp-cross", "processor and back")),
    ),
    atMost("5,000 resume 100 messages each", 10, "s", of("stomp-resume", "warren")),
    atMost("memory of an idle STOMP client", 3072, "bytes", of("idle", "warren STOMP")),
    ...applicationGoals(of),
    ...steeringGoals(of),
    atMost("start to /readyz", 100, "ms", of("start", "warren")),
    atMost("the page at 1,000 messages a second: longest frame", 100, "ms", of("page-frame", "page")),
    atMost("the page: first paint", 300, "ms", of("page-paint", "page")),
    atMost("the page, gzipped", 60, "KB", of("page-size", "page")),
    atMost("1 % traced ÷ not", 1.03, "×", ratio(of("traces", "warren, 1 % traced"), of("traces", "warren"))),
    atMost("histograms' part of a message's CPU time", 1, "%", of("histograms", "warren")),
    atMost("a scrape with 10,000 clients", 10, "ms", of("scrape", "10,000 clients")),
  ];
}

/** What a manager without interested clients costs: its own time among five, and RabbitMQ's additional time for each manager after the first. */
function followersGoals(of: Medians): Goal[] {
  const each = [
    ["4,000", 6, 3],
    ["20,000", 2, 1],
  ] as const;
  return each.flatMap(([rate, rabbitmqUs, managerUs]) => [
    atMost(
      `a further manager that wants nothing at ${rate}/s: RabbitMQ`,
      rabbitmqUs,
      "µs",
      of("followers-rabbitmq", `with 5 managers at ${rate}/s`),
    ),
    atMost(
      `a further manager that wants nothing at ${rate}/s: itself`,
      managerUs,
      "µs",
      of("followers-manager", `of 5 managers at ${rate}/s`),
    ),
  ]);
}

export function atLeast(what: string, limit: number, value: number | undefined): Goal {
  return {
    what,
    goal: `≥ ${limit} ×`,
    value,
    unit: "×",
    isReached: value === undefined ? undefined : value >= limit,
  };
}

export function atMost(what: string, limit: number, unit: string, value: number | undefined): Goal {
  return {
    what,
    goal: `≤ ${limit} ${unit}`,
    value,
    unit,
    isReached: value === undefined ? undefined : value <= limit,
  };
}

/** Undefined if one of them was not measured. */
export function ratio(above: number | undefined, below: number | undefined): number | undefined {
  return above === undefined || below === undefined || below === 0 ? undefined : above / below;
}

function maxOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
