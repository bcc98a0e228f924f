import { bytes, whole } from "../kinds/kinds.ts";
import { managing, option, optional } from "../kinds/option.ts";

/** The limits of all clients together. */
export const gatewayLimitOptions = {
  clientsMemoryBytes: optional(
    bytes(1024 ** 2, 1024 ** 4),
    "a quarter of the memory of the machine or cgroup",
    managing,
    "what may be kept for all clients together; beyond it, the clients with the most are disconnected",
  ),
  maxClients: optional(
    whole("N", 1, 10_000_000),
    "what the limit of open files allows",
    managing,
    "clients that may be connected; further ones are refused with 503",
  ),
  maxClientsPerAddress: option(
    whole("N", 0, 10_000_000),
    0,
    managing,
    "clients that may be connected from one address, or IPv6 /64 network; 0: unlimited",
  ),
  maxConnectionsPerSecond: option(
    whole("N", 0, 1_000_000),
    10_000,
    managing,
    "clients that may connect in a second; further ones are refused with 503; 0: unlimited",
  ),
} as const;
