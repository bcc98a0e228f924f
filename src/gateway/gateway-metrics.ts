import type { Metric } from "../ops/metrics.ts";
import type { Holds } from "./clients/holds.ts";
import type { Ingress } from "./fan-out/ingress.ts";
import type { Relay } from "./fan-out/relay.ts";

/** What `/metrics` shows of the gateway. */
export function gatewayMetrics(
  ingress: Ingress,
  relay: Relay,
  holds: Holds,
  clientCount: () => number,
): readonly Metric[] {
  return [
    { name: "warren_clients", type: "gauge", help: "Connected clients.", read: clientCount },
    {
      name: "warren_clients_held_back",
      type: "gauge",
      help: "Clients that are not read from because the outbox is full, or they have more in it than they leave free.",
      read: () => holds.countOfEither("outbox", "share"),
    },
    {
      name: "warren_clients_over_share",
      type: "gauge",
      help: "Those of them that have more in the outbox than they leave free.",
      read: () => holds.countOf("share"),
    },
    {
      name: "warren_messages_received_total",
      type: "counter",
      help: "Messages that clients sent.",
      read: () => ingress.takenCount,
    },
    {
      name: "warren_deliveries_total",
      type: "counter",
      help: "Messages sent to clients: one message to a thousand clients counts a thousand.",
      read: () => relay.deliveredCount,
    },
    {
      name: "warren_spreading_bytes",
      type: "gauge",
      help: "What messages take in memory that are published by turns, since they have thousands of audiences.",
      read: () => relay.spreadingBytes,
    },
  ];
}
