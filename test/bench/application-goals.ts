import { atMost, type Goal, type Medians, ratio } from "./goals.ts";

/** Goals for requests, newest messages, slow readers, and the dropping of repeats. */
export function applicationGoals(of: Medians): Goal[] {
  const asked = (measure: string, contender = "warren requests") =>
    ratio(of(measure, contender), of(measure, "warren own topics"));
  return [
    atMost(
      "requests of 1,000 clients: highest rate, round trip of as many ÷ theirs",
      1.2,
      "×",
      ratio(of("requests", "warren own topics"), of("requests", "warren requests")),
    ),
    atMost(
      "the same, round trip of ten clients ÷ theirs",
      1.2,
      "×",
      ratio(of("requests", "warren"), of("requests", "warren requests")),
    ),
    atMost("requests of 1,000 clients at 500/s: p50 ÷ round trip", 1.2, "×", asked("requests-p50")),
    atMost("requests of 1,000 clients at 500/s: p99 ÷ round trip", 1.2, "×", asked("requests-p99")),
    atMost("requests of 1,000 clients at 2,000/s: p99 ÷ round trip", 1.2, "×", asked("requests-busy-p99")),
    atMost(
      "first yield of a generator: p50 ÷ that of an answer in the same system",
      1.3,
      "×",
      ratio(of("requests-first-yield", "first yield"), of("requests-first-yield", "an answer")),
    ),
    atMost("the newest message of a topic: p99", 5, "ms", of("newest-last", "warren")),
    ...(["a subscription for each topic", "one pattern"] as const).flatMap((how) => [
      atMost(`10,000 open a dashboard of 20 topics, ${how}`, 3, "s", of("newest-dashboards", how)),
      atMost("the same: readers that RabbitMQ sees", 8, "", of("newest-readers", how)),
    ]),
    atMost(
      "1,000 slow durable readers: growth of the manager",
      67.1,
      "MB",
      of("slow-readers-growth", "while they read slowly"),
    ),
    ...(["", "-settled"] as const).map((when) =>
      atMost(
        `1,000 slow durable readers: the others' p99 ÷ without them${when === "" ? "" : ", after the first seconds"}`,
        1.2,
        "×",
        ratio(of(`slow-readers${when}-p99`, "beside them"), of(`slow-readers${when}-p99`, "without them")),
      ),
    ),
    atMost("dropping of repeats: share of a manager's CPU", 3, "%", of("once", "dropping of repeats")),
    atMost("idempotency keys: share of a manager's CPU", 3, "%", of("once", "idempotency keys")),
    atMost("memory of the dropping of repeats, full", 2097.2, "KB", of("once-memory", "repeats, full")),
  ];
}
