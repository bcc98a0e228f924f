import type { Broker, Followed } from "../../broker/broker.ts";

/** The shared log, as subscriptions need it. */
export interface SharedLog {
  readonly read: Broker["read"];
  readonly mark: Followed["mark"];
  /** A larger record is not for clients. In bytes. */
  readonly recordBytesMax: number;
}
