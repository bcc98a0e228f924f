import type { Broker } from "../../broker/broker.ts";

/** The shared log, as subscriptions need it. */
export interface SharedLog {
  readonly read: Broker["read"];
  readonly mark: Broker["mark"];
  /** A larger record is not for clients. In bytes. */
  readonly recordBytesMax: number;
}
