import type { Readiness } from "../ops/http.ts";
import type { Logger } from "../ops/logger.ts";
import type { LoopTime } from "../ops/loop-time.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Announcements } from "./clients/announcements.ts";
import type { SharedLog } from "./durable/shared-log.ts";
import type { Once } from "./fan-out/once.ts";
import type { Uplink } from "./fan-out/uplink.ts";
import type { OriginOptions } from "./guards/origin-guard.ts";
import type { LimitOptions } from "./limits/limits.ts";
import type { PresenceSource } from "./presence/source.ts";
import type { ProtocolOptions } from "./protocols.ts";
import type { EntranceOptions } from "./server/entrance.ts";
import type { ServerOptions } from "./server/server.ts";

/** The options of a gateway, and the parts of the process that it is connected to. */
export interface GatewayOptions
  extends ServerOptions,
    EntranceOptions,
    OriginOptions,
    LimitOptions,
    ProtocolOptions {
  /** A client is disconnected when more than this waits for it. In bytes. */
  readonly clientBufferBytes: number;
  /** What may be kept for all clients together, in bytes. Undefined: a quarter of the memory there is. */
  readonly clientsMemoryBytes: number | undefined;
  readonly logger: Logger;
  /** What `/readyz` answers. */
  readiness(): Readiness;
  /** Further metrics for `/metrics`. */
  metrics(): readonly AnyMetric[];
  readonly uplink: Uplink;
  /** Called when a client that asked requests has disconnected, with its name in correlation ids. */
  onAskerLeft(asker: string): void;
  /** Decides about messages with idempotency keys. */
  readonly once: Once;
  /** Shares out the event loop's time among everything that takes long. */
  readonly loop: LoopTime;
  readonly announcements: Announcements;
  /** Presence on topics; undefined where managers cannot tell one another. */
  readonly presence: PresenceSource | undefined;
  /** The log for durable subscriptions; undefined if there is none. */
  readonly sharedLog: SharedLog | undefined;
  /** How much of the log is kept in memory for them. In bytes. */
  readonly logMemoryBytes: number;
  /** What the newest messages of topics may take in memory. In bytes. */
  readonly lastValuesMaxBytes: number;
}
