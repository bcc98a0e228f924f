import type { Broker } from "../broker/broker.ts";
import { brokerMetrics } from "../broker/metrics.ts";
import type { LoopLag } from "../ops/loop-lag.ts";
import { type AnyMetric, processMetrics } from "../ops/metrics.ts";
import { outboxMetrics } from "../outbox/metrics.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { BusiestTopics } from "./busiest-topics.ts";
import type { Replies } from "./replies.ts";
import type { Steering } from "./steering.ts";
import type { WayBack } from "./way-back.ts";

/** The parts of a manager that have metrics. */
export interface MetricsParts {
  readonly broker: Broker;
  readonly outbox: Outbox;
  /** The topics that get the most messages. */
  readonly busiest: BusiestTopics;
  readonly replies: Replies;
  readonly wayBack: WayBack;
  /** How late the event loop is. */
  readonly loopLag: LoopLag;
  readonly steering: Steering;
}

/** What `/metrics` shows of a manager besides its gateway. */
export function managerMetrics(parts: MetricsParts): readonly AnyMetric[] {
  const { broker, outbox, busiest, wayBack, replies, loopLag, steering } = parts;
  return [
    ...outboxMetrics(outbox),
    ...brokerMetrics(broker),
    {
      name: "warren_skipped_total",
      type: "counter",
      help: "AMQP messages that no client got: malformed packs, and what is larger than may wait for a client.",
      read: () => wayBack.skipped.count,
    },
    ...processMetrics,
    ...loopLag.metrics,
    ...(wayBack.lag?.metrics ?? []),
    busiest.metric,
    ...steering.metrics,
    ...replies.metrics,
    wayBack.addressed.metric,
    {
      name: "warren_repeats_dropped_total",
      type: "counter",
      help: "Messages in the log that were there before, since a manager or processor had to publish them again: nobody got them twice.",
      read: () => wayBack.repeats.count,
    },
  ];
}
