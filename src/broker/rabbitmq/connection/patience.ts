import type { ChannelModel } from "amqplib";
import { untilTick } from "../../../ops/ticks.ts";
import { isBlocked, openQuestions } from "../frames/innards.ts";
import type { Drop } from "./watch.ts";

/** How often it is looked whether questions were answered, in milliseconds; more often where they have less time than that. */
const lookEveryMs = 1000;

/**
 * Gives a connection up on which RabbitMQ leaves a question unanswered, whichever it is: a connection that is alive by its
 * heart-beats may have a channel that is not. While RabbitMQ takes no messages it reads no questions either, and is waited for.
 */
export class Patience {
  readonly #connection: ChannelModel;
  readonly #limitMs: number;
  readonly #drop: Drop;
  /** The questions that were open at the last look, and when each was seen first. */
  #open = new Map<unknown, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param limitMs how long an answer may take, in milliseconds */
  constructor(connection: ChannelModel, limitMs: number, drop: Drop) {
    this.#connection = connection;
    this.#limitMs = limitMs;
    this.#drop = drop;
    this.#wait();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): void {
    const eachMs = Math.min(lookEveryMs, this.#limitMs / 4);
    this.#timer = setTimeout(() => this.#look(), untilTick(performance.now(), eachMs));
  }

  #look(): void {
    this.#wait();
    const nowMs = performance.now();
    const before = isBlocked(this.#connection) ? undefined : this.#open;
    this.#open = new Map(
      openQuestions(this.#connection).map((question) => [question, before?.get(question) ?? nowMs]),
    );
    for (const sinceMs of this.#open.values())
      if (nowMs - sinceMs >= this.#limitMs)
        this.#drop("RabbitMQ has left a question unanswered for too long");
  }
}
