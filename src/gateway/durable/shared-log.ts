import type { Broker } from "../../broker/broker.ts";

/** The shared log, as subscriptions need it. */
export interface SharedLog {
  /** Reads from a place on. */
  readonly read: Broker["read"];
  /** Finds out how far the log has come. */
  readonly mark: Broker["mark"];
  /** A larger record is not for clients. In bytes. */
  readonly recordBytesMax: number;
}
