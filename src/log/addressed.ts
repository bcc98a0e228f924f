import { LabelledCounter } from "../ops/metrics.ts";

/**
 * Counts messages for one client alone, by whether that client is connected to this manager. Whether it is connected to any other, this
 * manager cannot tell.
 */
export type Addressed = LabelledCounter<"connected" | "absent">;

/** Makes the counter. */
export function countAddressed(): Addressed {
  return new LabelledCounter(
    {
      name: "warren_addressed_total",
      label: "client",
      help: "Messages for one client alone that came from RabbitMQ, by whether that client is connected to this manager. Each manager counts each of them.",
    },
    ["connected", "absent"],
  );
}
