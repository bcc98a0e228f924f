import type { AnyMetric } from "../../ops/metrics.ts";

/** What is counted of idempotency keys. */
interface Counted {
  /** What the keys take, in bytes. */
  bytes(): number;
  repeated(): number;
  reused(): number;
  forgotten(): number;
}

/** What `/metrics` shows of idempotency keys. */
export function onceMetrics({ bytes, repeated, reused, forgotten }: Counted): readonly AnyMetric[] {
  const counter = (name: string, help: string, read: () => number) =>
    ({ name, help, read, type: "counter" }) as const;
  return [
    {
      name: "warren_idempotency_keys_bytes",
      type: "gauge",
      help: "What the idempotency keys of the last --idempotency-window take in memory.",
      read: bytes,
    },
    counter(
      "warren_idempotency_repeats_total",
      "Messages that were not published, since one with the same idempotency key was.",
      repeated,
    ),
    counter(
      "warren_idempotency_reused_total",
      "Messages that were refused, since their idempotency key was another message's.",
      reused,
    ),
    counter(
      "warren_idempotency_forgotten_total",
      "Idempotency keys that were forgotten before their time, since --idempotency-max-bytes was reached.",
      forgotten,
    ),
  ];
}
