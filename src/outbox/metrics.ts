import type { AnyMetric } from "../ops/metrics.ts";
import type { Outbox } from "./outbox.ts";

/** @param prefix how the metrics' names begin: a processor has outboxes too, perhaps in the same process as a manager */
export function outboxMetrics(outbox: Outbox, prefix = "warren_"): readonly AnyMetric[] {
  const { metric: setAside } = outbox.account.setAsideCount;
  const { metric: confirm } = outbox.account.confirmSeconds;
  return [
    {
      name: `${prefix}published_total`,
      type: "counter",
      help: "Messages handed to the outbox.",
      read: () => outbox.account.publishedCount,
    },
    {
      name: `${prefix}confirmed_total`,
      type: "counter",
      help: "Messages that the broker has confirmed.",
      read: () => outbox.account.confirmedCount,
    },
    {
      name: `${prefix}envelopes_total`,
      type: "counter",
      help: "AMQP messages written, repeated ones among them.",
      read: () => outbox.account.envelopeCount,
    },
    {
      name: `${prefix}envelopes_repeated_total`,
      type: "counter",
      help: "AMQP messages written again after a lost connection or a refusal.",
      read: () => outbox.repeatedCount,
    },
    {
      name: `${prefix}outbox_bytes`,
      type: "gauge",
      help: "Bytes that wait for the broker, unsent or unconfirmed, bookkeeping included.",
      read: () => outbox.level.bytes,
    },
    {
      name: `${prefix}unconfirmed_envelopes`,
      type: "gauge",
      help: "AMQP messages on the wire that are not confirmed.",
      read: () => outbox.unconfirmed,
    },
    { ...confirm, name: confirm.name.replace("warren_", prefix) },
    { ...setAside, name: setAside.name.replace("warren_", prefix) },
  ];
}
