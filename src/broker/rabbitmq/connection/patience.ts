import type { ChannelModel } from "amqplib";
import { untilTick } from "../../../ops/ticks.ts";
import { isBlocked, openQuestions } from "../frames/innards.ts";
import { Silence } from "./silenced.ts";
import type { Drop } from "./watch.ts";

/** How often questions are checked for answers, in milliseconds; more often if they have less time than that. */
const lookEveryMs = 1000;

/**
 * Gives up a connection on which RabbitMQ leaves any question unanswered: heart-beats may show a connection alive while one of its channels
 * is stuck. While RabbitMQ takes no messages it reads no questions either, so this does not count.
 */
export class Patience {
  readonly #connection: ChannelModel;
  readonly #limitMs: number;
  readonly #drop: Drop;
  /** The questions that were open at the last check, and when each was first seen. */
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
        this.#drop(new Silence("RabbitMQ has left a question unanswered for too long"));
  }
}
