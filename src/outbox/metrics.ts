import type { AnyMetric } from "../ops/metrics.ts";
import type { Outbox } from "./outbox.ts";

export function outboxMetrics(outbox: Outbox): readonly AnyMetric[] {
  return [
    {
      name: "warren_published_total",
      type: "counter",
      help: "Messages handed to the outbox.",
      read: () => outbox.publishedCount,
    },
    {
      name: "warren_confirmed_total",
      type: "counter",
      help: "Messages that the broker has confirmed.",
      read: () => outbox.confirmedCount,
    },
    {
      name: "warren_envelopes_total",
      type: "counter",
      help: "AMQP messages written, repeated ones among them.",
      read: () => outbox.envelopeCount,
    },
    {
      name: "warren_envelopes_repeated_total",
      type: "counter",
      help: "AMQP messages written again after a lost connection or a refusal.",
      read: () => outbox.repeatedCount,
    },
    {
      name: "warren_outbox_bytes",
      type: "gauge",
      help: "Bytes that wait for the broker, unsent or unconfirmed, bookkeeping included.",
      read: () => outbox.bytes,
    },
    {
      name: "warren_unconfirmed_envelopes",
      type: "gauge",
      help: "AMQP messages on the wire that are not confirmed.",
      read: () => outbox.unconfirmed,
    },
    outbox.setAsideCount.metric,
  ];
}
