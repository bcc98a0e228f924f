import type { ChannelModel } from "amqplib";

/** How long RabbitMQ may take to do what it was sent, once it answers again. In milliseconds. */
const leftMsMax = 2000;

/** Thrown if RabbitMQ has sent nothing for two heartbeats, or has left a question unanswered. It may only stand still. */
export class Silence extends Error {
  override readonly name = "Silence";
}

/**
 * A connection on which RabbitMQ fell silent, and which stays open until RabbitMQ answers again and has done what it was sent. If it were
 * closed at once, RabbitMQ would read the last messages together with the connection's end. Then its streams keep those that it has not
 * confirmed, and its quorum queues may drop them: one queue has a message, and another one does not (docs/decisions.md).
 */
export class Silenced {
  readonly connection: ChannelModel;
  readonly #isDone: () => Promise<void>;
  readonly #ended: Promise<void>;

  /** @param isDone resolves when RabbitMQ has done what it was sent */
  constructor(connection: ChannelModel, isDone: () => Promise<void>) {
    this.connection = connection;
    this.#isDone = isDone;
    this.#ended = new Promise((resolve) => connection.once("close", () => resolve()));
  }

  /** RabbitMQ answers on another connection. Resolves when this one may be closed. */
  async done(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, leftMsMax);
    await Promise.race([this.#isDone(), this.#ended, late.promise]);
    clearTimeout(timer);
  }
}
