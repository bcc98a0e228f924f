import type { AnyMetric } from "../ops/metrics.ts";
import type { Broker } from "./broker.ts";

/** The metrics of the broker, the same in every role. */
export function brokerMetrics(broker: Broker): readonly AnyMetric[] {
  return [
    {
      name: "warren_broker_connected",
      type: "gauge",
      help: "1 if the broker is connected and takes messages.",
      read: () => (broker.status().state === "ready" ? 1 : 0),
    },
    {
      name: "warren_queue_full",
      type: "gauge",
      help: "1 for a queue in RabbitMQ that is full, so that publishing waits.",
      label: "queue",
      readEach: () => broker.fullQueues.map((queue) => [queue, 1] as const),
    },
    {
      name: "warren_abandoned_group_messages",
      type: "gauge",
      help: "Messages that RabbitMQ keeps for a group that nobody has consumed for a quarter of an hour (warren groups).",
      label: "group",
      readEach: () => broker.abandonedGroups.map(({ group, messages }) => [group, messages] as const),
    },
  ];
}
