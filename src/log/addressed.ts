import { LabelledCounter } from "../ops/metrics.ts";

/** Messages for one client alone: whether it is connected here. Nobody can tell whether it is connected anywhere. */
export type Addressed = LabelledCounter<"connected" | "absent">;

/** Counts what is for one client alone. */
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
