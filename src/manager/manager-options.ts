import type { GatewayOptions } from "../gateway/gateway-options.ts";
import type { Options } from "../options/table.ts";

/** The options from the command line, for the gateway and the outbox. The manager itself provides the rest of what the gateway needs. */
export type ManagerOptions = Omit<
  GatewayOptions,
  | "logger"
  | "readiness"
  | "metrics"
  | "uplink"
  | "once"
  | "loop"
  | "onAskerLeft"
  | "announcements"
  | "presence"
  | "sharedLog"
  | "auth"
  | "adminRoutes"
> &
  Pick<
    Options,
    "adminTokenFile" | "outboxMaxBytes" | "traceSample" | "idempotencyWindowMs" | "idempotencyMaxBytes"
  >;
