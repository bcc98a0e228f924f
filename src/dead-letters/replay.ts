import type { ChannelModel, ConfirmChannel, GetMessage } from "amqplib";
import { groupQueue } from "../broker/rabbitmq/topology/topology.ts";
import { codeOf, FatalError, reasonOf } from "../errors.ts";
import { isPublishers, letterOf } from "./letter.ts";

/**
 * Puts messages back into the queue of the group that failed to handle them, with the topic, id and headers that they had. It
 * publishes to exchanges of its own, each bound to one group's queue, so that nobody else hears them. They go when it is closed.
 */
export class Replay {
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  /** The exchange of each group. Undefined: it has no queue. */
  readonly #exchanges = new Map<string, string | undefined>();
  /** Whether RabbitMQ had no queue for the message that is on its way. It says so before it confirms it. */
  #isReturned = false;

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection;
    this.#channel = channel;
    // What waits for a confirm is told.
    channel.on("error", () => undefined);
    channel.on("return", () => {
      this.#isReturned = true;
    });
  }

  static async open(connection: ChannelModel): Promise<Replay> {
    return new Replay(connection, await connection.createConfirmChannel());
  }

  /**
   * Resolves when RabbitMQ has it in the group's queue, with false if the group has none. One at a time.
   *
   * @throws FatalError if RabbitMQ does not take the message
   */
  async putBack(message: GetMessage, group: string): Promise<boolean> {
    const { id, sentAt } = letterOf(message);
    if (!this.#exchanges.has(group)) this.#exchanges.set(group, await this.#open(group));
    const exchange = this.#exchanges.get(group);
    if (exchange === undefined) return false;
    const { contentType, contentEncoding, correlationId, replyTo, type, priority, headers } =
      message.properties;
    const appId = appIdOf(message);
    const given = {
      contentType,
      contentEncoding,
      correlationId,
      replyTo,
      type,
      priority,
      timestamp: sentAt,
      appId,
    };
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
    return !this.#isReturned;
  }

  /** @throws if the connection, or RabbitMQ, has gone */
  async close(): Promise<void> {
    // The one for messages is closed where RabbitMQ did not take one.
    const channel = await this.#connection.createChannel();
    for (const exchange of this.#exchanges.values())
      if (exchange !== undefined) await channel.deleteExchange(exchange);
    await channel.close();
  }

  /** The exchange for a group; undefined if the group has no queue. */
  async #open(group: string): Promise<string | undefined> {
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
      if (codeOf(error) === 404) return undefined;
      throw error;
    }
    await channel.close();
    return exchange;
  }
}

/** What its sender set. A processor that had none to pass on has put its own name there, as it numbers its messages by it. */
function appIdOf({ properties }: GetMessage): string | undefined {
  const { appId, messageId } = properties as { readonly appId: unknown; readonly messageId: unknown };
  if (typeof appId !== "string") return undefined;
  return typeof messageId === "string" && messageId.startsWith(`${appId}-`) ? undefined : appId;
}
