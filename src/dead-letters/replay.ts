import type { ChannelModel, ConfirmChannel, GetMessage } from "amqplib";
import { groupQueue } from "../broker/rabbitmq/topology/topology.ts";
import { codeOf, FatalError, reasonOf } from "../errors.ts";
import { isPublishers, letterOf } from "./letter.ts";

/**
 * Puts messages back into the queue of the group that failed to handle them, with their topic, id and headers. It publishes to exchanges of
 * its own, each bound to the queue of one group, so that nobody else gets them. These exchanges go when it is closed.
 */
export class Replay {
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  /** The exchange for each group; undefined if the group has no queue. */
  readonly #exchanges = new Map<string, string | undefined>();
  /** Whether RabbitMQ had no queue for the current message. It returns the message before it confirms it. */
  #isReturned = false;

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection;
    this.#channel = channel;
    // Whatever waits for a confirm gets the error.
    channel.on("error", () => undefined);
    channel.on("return", () => {
      this.#isReturned = true;
    });
  }

  static async open(connection: ChannelModel): Promise<Replay> {
    return new Replay(connection, await connection.createConfirmChannel());
  }

  /**
   * Puts one message back. Resolves when RabbitMQ has it in the group's queue; with false if the group has none. Call it for one message at
   * a time.
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

  /** @throws Error if the connection is lost */
  async close(): Promise<void> {
    // The channel for messages is closed if RabbitMQ refused one.
    const channel = await this.#connection.createChannel();
    for (const exchange of this.#exchanges.values())
      if (exchange !== undefined) await channel.deleteExchange(exchange);
    await channel.close();
  }

  /** The exchange for a group; undefined if the group has no queue. */
  async #open(group: string): Promise<string | undefined> {
    const queue = groupQueue(group);
    // RabbitMQ closes the channel to answer "no".
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

/** The app id that its sender set. A processor that had none to pass on has put its own name there. */
function appIdOf({ properties }: GetMessage): string | undefined {
  const { appId, messageId } = properties as { readonly appId: unknown; readonly messageId: unknown };
  if (typeof appId !== "string") return undefined;
  return typeof messageId === "string" && messageId.startsWith(`${appId}-`) ? undefined : appId;
}
