import type { ChannelModel, ConfirmChannel, GetMessage } from "amqplib";
import { groupQueue } from "../broker/rabbitmq/topology.ts";
import { codeOf, FatalError, reasonOf } from "../errors.ts";
import { isPublishers, letterOf } from "./letter.ts";

/**
 * Puts messages back into the queue of the group that failed to handle them, with the topic, id and headers that they had. It
 * publishes to exchanges of its own, each bound to one group's queue, so that nobody else hears them. They go when it is closed.
 */
export class Replay {
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  readonly #exchanges = new Map<string, string>();
  /** Whether RabbitMQ had no queue for the message that is on its way. It says so before it confirms it. */
  #isReturned = false;

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection;
    this.#channel = channel;
    channel.on("return", () => {
      this.#isReturned = true;
    });
  }

  static async open(connection: ChannelModel): Promise<Replay> {
    return new Replay(connection, await connection.createConfirmChannel());
  }

  /**
   * Resolves when RabbitMQ has it in the group's queue. One at a time.
   *
   * @throws FatalError if the group has no queue, or RabbitMQ does not take the message
   */
  async putBack(message: GetMessage, group: string): Promise<void> {
    const { id } = letterOf(message);
    const exchange = this.#exchanges.get(group) ?? (await this.#open(group));
    const { contentType, contentEncoding, correlationId, replyTo, type, priority, timestamp, headers } =
      message.properties;
    const given = { contentType, contentEncoding, correlationId, replyTo, type, priority, timestamp };
    const options = {
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
      ...(id === undefined ? {} : { messageId: id }),
      headers: Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => isPublishers(name))),
      persistent: true,
      mandatory: true,
    };
    this.#isReturned = false;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#channel.publish(exchange, message.fields.routingKey, message.content, options, (error: unknown) =>
      error ? reject(error) : resolve(),
    );
    await promise.catch((error: unknown) => {
      throw new FatalError(
        `the queue ${groupQueue(group)} did not take message ${id ?? "without an id"}: ${reasonOf(error)}`,
      );
    });
    if (this.#isReturned) throw new FatalError(gone(group));
  }

  async close(): Promise<void> {
    for (const exchange of this.#exchanges.values()) await this.#channel.deleteExchange(exchange);
    await this.#channel.close();
  }

  /** The exchange for a group. */
  async #open(group: string): Promise<string> {
    const queue = groupQueue(group);
    // RabbitMQ closes the channel to say no.
    const channel = await this.#connection.createChannel();
    channel.on("error", () => undefined);
    const exchange = `${queue}.replay-${crypto.randomUUID()}`;
    try {
      await channel.checkQueue(queue);
      await channel.assertExchange(exchange, "fanout", { durable: false, autoDelete: true });
      await channel.bindQueue(queue, exchange, "");
    } catch (error) {
      throw codeOf(error) === 404 ? new FatalError(gone(group)) : error;
    }
    await channel.close();
    this.#exchanges.set(group, exchange);
    return exchange;
  }
}

function gone(group: string): string {
  return `the group "${group}" has no queue: start a processor of it (--group ${group}), then replay`;
}
