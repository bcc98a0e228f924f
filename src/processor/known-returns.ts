import type { Logger } from "../ops/logger.ts";
import type { Stalls } from "./stalls.ts";

/** After a stall of this length, a lost connection was lost because of it. In milliseconds. */
const stallMs = 5000;

/**
 * Knows which messages came back because this process lost its connection while it held them. RabbitMQ counts such a return like the death
 * of a consumer. The ids are remembered even after the ack, which may be lost with the next connection.
 *
 * If the connection was lost because the event loop stood still, one of the messages is to blame: its handler would do the same again and
 * again, and nothing else would be handled. So such a return counts as a death.
 */
export class KnownReturns {
  readonly #idsMax: number;
  readonly #logger: Pick<Logger, "warn">;
  readonly #stalls: Pick<Stalls, "recentMs">;
  /** By message id, the least recently returned first. */
  readonly #counts = new Map<string, number>();

  /** @param idsMax how many messages are remembered; beyond that the least recently returned are forgotten */
  constructor(
    idsMax: number,
    logger: Pick<Logger, "warn">,
    stalls: Pick<Stalls, "recentMs"> = { recentMs: 0 },
  ) {
    this.#idsMax = idsMax;
    this.#logger = logger;
    this.#stalls = stalls;
  }

  /** A session has ended that held the messages with these ids. */
  add(ids: Iterable<string | undefined>): void {
    const held = [...ids];
    const stalledMs = this.#stalls.recentMs;
    if (stalledMs >= stallMs && held.length > 0) {
      this.#logger.warn(
        "this process stood still, so RabbitMQ gave up its connection: either a handler kept the event loop to itself, or the process was stopped",
        { seconds: Math.round(stalledMs / 1000), messagesHeld: held.length },
      );
      return;
    }
    for (const id of held) {
      if (id === undefined) continue;
      const count = (this.#counts.get(id) ?? 0) + 1;
      this.#counts.delete(id);
      this.#counts.set(id, count);
      if (this.#counts.size > this.#idsMax) this.#counts.delete(this.#counts.keys().next().value!);
    }
  }

  /** How many of these returns may have been deaths of a consumer. */
  unexplained(id: string | undefined, returns: number): number {
    if (returns === 0 || id === undefined) return returns;
    return returns - (this.#counts.get(id) ?? 0);
  }
}
