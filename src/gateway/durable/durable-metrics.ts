import type { Metric } from "../../ops/metrics.ts";
import type { Durables } from "./durables.ts";

/** What `/metrics` shows of durable subscriptions. */
export function durableMetrics(durables: Durables): readonly Metric[] {
  return [
    {
      name: "warren_durable_subscriptions",
      type: "gauge",
      help: "Durable subscriptions that have come to the end of the message log.",
      read: () => durables.counts.atEnd,
    },
    {
      name: "warren_durable_subscriptions_catching_up",
      type: "gauge",
      help: "Durable subscriptions that read what of the message log is in memory.",
      read: () => durables.counts.catchingUp,
    },
    {
      name: "warren_durable_subscriptions_sweeping",
      type: "gauge",
      help: "Durable subscriptions that read, or wait to read, what of the message log is in memory no more.",
      read: () => durables.counts.sweeping,
    },
    {
      name: "warren_durable_subscriptions_parked",
      type: "gauge",
      help: "Durable subscriptions whose clients have to read before they are written more.",
      read: () => durables.counts.parked,
    },
    {
      name: "warren_durable_subscriptions_locating",
      type: "gauge",
      help: "Durable subscriptions whose places in the message log are being looked for.",
      read: () => durables.counts.locating,
    },
    {
      name: "warren_log_readings",
      type: "gauge",
      help: "Readings of the message log at the broker, each shared by subscriptions that read older parts.",
      read: () => durables.readingCount,
    },
    {
      name: "warren_last_values_bytes",
      type: "gauge",
      help: "What the newest messages of topics take in memory, since a client has asked for such with x-stream-offset:last.",
      read: () => durables.valuesBytes,
    },
    {
      name: "warren_log_memory_bytes",
      type: "gauge",
      help: "What of the message log is in memory, bookkeeping included.",
      read: () => durables.window.bytes,
    },
  ];
}
