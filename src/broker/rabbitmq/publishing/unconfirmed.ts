import type { Logger } from "../../../ops/logger.ts";
import { chapter } from "../connection/watch.ts";

const mend = `a queue without a running leader, or without most of its nodes, holds it up: rabbitmqctl list_queues name type state shows which; of one that is down, see ${chapter}`;

/**
 * Logs when RabbitMQ answers but confirms nothing: one line when the oldest message has waited for long, and one when RabbitMQ confirms
 * again. Waiting messages are not published again for that reason, since RabbitMQ has them, and some queues have stored them. No I/O.
 */
export class Unconfirmed {
  readonly #logger: Logger;
  readonly #exchange: string;
  readonly #afterMs: number;
  readonly #isExplained: () => boolean;
  /** What has waited longest, and since when, in milliseconds; undefined while nothing waits. */
  #oldest: { readonly tag: number; readonly sinceMs: number } | undefined;
  /** Since when RabbitMQ has confirmed nothing, in milliseconds, if that was logged. */
  #toldSinceMs: number | undefined;

  /**
   * @param exchange the exchange that is published to
   * @param afterMs how long a confirm may take, in milliseconds
   * @param isExplained whether something else that was logged holds everything up
   */
  constructor(logger: Logger, exchange: string, afterMs: number, isExplained: () => boolean) {
    this.#logger = logger;
    this.#exchange = exchange;
    this.#afterMs = afterMs;
    this.#isExplained = isExplained;
  }

  /**
   * Checks what waits. Call it now and then.
   *
   * @param oldest the delivery tag of what has waited longest; undefined: nothing waits
   * @param nowMs the time in milliseconds
   */
  look(oldest: number | undefined, nowMs: number): void {
    if (this.#isExplained()) {
      // After that the time starts again.
      this.#oldest = undefined;
      return;
    }
    if (oldest !== this.#oldest?.tag) {
      this.#oldest = oldest === undefined ? undefined : { tag: oldest, sinceMs: nowMs };
      this.#heard(nowMs);
      return;
    }
    if (this.#oldest === undefined || this.#toldSinceMs !== undefined) return;
    const { sinceMs } = this.#oldest;
    if (nowMs - sinceMs < this.#afterMs) return;
    this.#toldSinceMs = sinceMs;
    this.#logger.warn("RabbitMQ has not confirmed published messages for a while: clients wait for them", {
      exchange: this.#exchange,
      forSeconds: seconds(nowMs - sinceMs),
      mend,
    });
  }

  #heard(nowMs: number): void {
    if (this.#toldSinceMs === undefined) return;
    this.#logger.info("RabbitMQ confirms again", {
      exchange: this.#exchange,
      afterSeconds: seconds(nowMs - this.#toldSinceMs),
    });
    this.#toldSinceMs = undefined;
  }
}

/** Rounded to tenths. */
function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
