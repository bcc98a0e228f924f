import type { Metric } from "../../../ops/metrics.ts";
import type { Durables } from "./durables.ts";

/** What `/metrics` shows of durable subscriptions. */
export function durableMetrics(durables: Durables): readonly Metric[] {
  return [
    {
      name: "warren_durable_subscriptions",
      type: "gauge",
      help: "Durable subscriptions that have come to the end of the message log.",
      read: () => durables.atEndCount,
    },
    {
      name: "warren_durable_subscriptions_catching_up",
      type: "gauge",
      help: "Durable subscriptions that read what of the message log is in memory.",
      read: () => durables.catchingUpCount,
    },
    {
      name: "warren_log_readings",
      type: "gauge",
      help: "Readings of the message log at the broker, each for all subscriptions that are further behind.",
      read: () => durables.sweepCount,
    },
    {
      name: "warren_log_memory_bytes",
      type: "gauge",
      help: "What of the message log is in memory, bookkeeping included.",
      read: () => durables.window.bytes,
    },
  ];
}
