import type { ChannelModel } from "amqplib";
import { isBlocked, openQuestions } from "../frames/innards.ts";
import type { Drop } from "./watch.ts";

/** How often it is looked whether questions were answered, in milliseconds; more often where they have less time than that. */
const lookEveryMs = 1000;

/**
 * Gives a connection up on which RabbitMQ leaves a question unanswered, whichever it is: a connection that is alive by its
 * heart-beats may have a channel that is not. While RabbitMQ takes no messages it reads no questions either, and is waited for.
 */
export class Patience {
  /** The questions that were open at the last look, and when each was seen first. */
  #open = new Map<unknown, number>();
  readonly #timer: NodeJS.Timeout;

  /** @param limitMs how long an answer may take, in milliseconds */
  constructor(connection: ChannelModel, limitMs: number, drop: Drop) {
    this.#timer = setInterval(
      () => {
        const nowMs = performance.now();
        const before = isBlocked(connection) ? undefined : this.#open;
        this.#open = new Map(
          openQuestions(connection).map((question) => [question, before?.get(question) ?? nowMs]),
        );
        for (const sinceMs of this.#open.values())
          if (nowMs - sinceMs >= limitMs) drop("RabbitMQ has left a question unanswered for too long");
      },
      Math.min(lookEveryMs, limitMs / 4),
    );
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
