import type { Broker } from "../../broker/broker.ts";
import type { KnownRepeats } from "../../log/known-repeats.ts";

/** The shared log, as subscriptions need it. */
export interface SharedLog {
  /** Reads from a place on. */
  readonly read: Broker["read"];
  /** Finds out how far the log has come. */
  readonly mark: Broker["mark"];
  /** A larger record is not for clients. In bytes. */
  readonly recordBytesMax: number;
  /** What is known to be in it before. */
  readonly repeats: KnownRepeats;
  /** Whether that is known also of what came before this process. Until it is, nobody is served; see `Durables.goOn`. */
  isPastKnown(): boolean;
}
