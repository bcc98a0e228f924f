import type { Readiness } from "../ops/http.ts";
import type { Logger } from "../ops/logger.ts";
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

/** What a gateway is made of: its options, and what it is connected to. */
export interface GatewayOptions
  extends ServerOptions,
    EntranceOptions,
    OriginOptions,
    LimitOptions,
    ProtocolOptions {
  /** A client for which more than this waits is disconnected. In bytes. */
  readonly clientBufferBytes: number;
  /** What may be kept for all clients together, in bytes. Undefined: a quarter of the memory there is. */
  readonly clientsMemoryBytes: number | undefined;
  readonly logger: Logger;
  /** What `/readyz` answers. */
  readiness(): Readiness;
  /** What `/metrics` shows besides the gateway's own. */
  metrics(): readonly AnyMetric[];
  readonly uplink: Uplink;
  /** Called with the name in correlation ids of a client that asked, when it has gone. */
  onAskerLeft(asker: string): void;
  /** Decides about messages with idempotency keys. */
  readonly once: Once;
  readonly announcements: Announcements;
  /** Who is on a topic; undefined where nobody knows that. */
  readonly presence: PresenceSource | undefined;
  /** What durable subscriptions read from; undefined if there is no log. */
  readonly sharedLog: SharedLog | undefined;
  /** How much of the log is kept in memory for them. In bytes. */
  readonly logMemoryBytes: number;
  /** What the newest messages of topics may take in memory. In bytes. */
  readonly lastValuesMaxBytes: number;
}
