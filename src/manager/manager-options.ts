import type { GatewayOptions } from "../gateway/gateway-options.ts";
import type { Options } from "../options/table.ts";

/** What a command line says to the gateway and the outbox; the rest of what the gateway needs is the manager's to give. */
export type ManagerOptions = Omit<
  GatewayOptions,
  | "logger"
  | "readiness"
  | "metrics"
  | "uplink"
  | "once"
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
