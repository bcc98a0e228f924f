import type { Broker } from "../broker/broker.ts";
import { brokerMetrics } from "../broker/metrics.ts";
import type { Feed } from "../log/feed.ts";
import type { SkippedRecords } from "../log/skipped-records.ts";
import { type AnyMetric, processMetrics } from "../ops/metrics.ts";
import { outboxMetrics } from "../outbox/metrics.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Presence } from "../presence/presence.ts";
import type { BusiestTopics } from "./busiest-topics.ts";
import { presenceMetrics } from "./presence.ts";
import type { Replies } from "./replies.ts";
import type { Revoking } from "./revoking.ts";

export interface MetricsParts {
  readonly broker: Broker;
  readonly outbox: Outbox;
  readonly busiest: BusiestTopics;
  readonly skipped: SkippedRecords;
  readonly replies: Replies;
  readonly repeats: Feed["repeats"];
  /** How late things are: the event loop, and the log. */
  readonly lags: readonly { readonly metrics: readonly AnyMetric[] }[];
  readonly presence: Presence | undefined;
  readonly revoking: Revoking | undefined;
  apiRefusedCount(): number;
}

/** What `/metrics` shows of a manager besides its gateway. */
export function managerMetrics(parts: MetricsParts): readonly AnyMetric[] {
  const { broker, outbox, busiest, skipped, replies, repeats, lags, presence, revoking, apiRefusedCount } =
    parts;
  return [
    ...outboxMetrics(outbox),
    ...brokerMetrics(broker),
    {
      name: "warren_skipped_total",
      type: "counter",
      help: "AMQP messages that no client got: malformed packs, and what is larger than may wait for a client.",
      read: () => skipped.count,
    },
    ...processMetrics,
    ...lags.flatMap(({ metrics }) => metrics),
    busiest.metric,
    ...(presence === undefined ? [] : presenceMetrics(presence)),
    ...(revoking === undefined ? [] : [revoking.metric]),
    {
      name: "warren_api_refused_total",
      type: "counter",
      help: "Requests to the control API without the right token.",
      read: apiRefusedCount,
    },
    ...replies.metrics,
    {
      name: "warren_repeats_dropped_total",
      type: "counter",
      help: "Messages in the log that were there before, since a manager or processor had to publish them again: nobody got them twice.",
      read: () => repeats.count,
    },
  ];
}
