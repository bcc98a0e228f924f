import type { Broker } from "../../broker/broker.ts";
import type { KnownRepeats } from "../../log/known-repeats.ts";

/** The shared log, as subscriptions use it. */
export interface SharedLog {
  /** Reads from a place on. */
  readonly read: Broker["read"];
  /** Finds out how far the log has come. */
  readonly mark: Broker["mark"];
  /** Larger records are not for clients. In bytes. */
  readonly recordBytesMax: number;
  /** The known repeats. */
  readonly repeats: KnownRepeats;
  /** Whether the repeats of what came before this process are known too. Until they are, no subscription is served; see `Durables.resume`. */
  isPastKnown(): boolean;
}
