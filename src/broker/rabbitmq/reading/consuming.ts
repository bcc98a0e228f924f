import type { Channel, ConsumeMessage } from "amqplib";
import { reasonOf } from "../../../errors.ts";
import type { Consumer } from "../../broker.ts";
import type { Life } from "../connection/life.ts";
import type { Drop } from "../connection/watch.ts";
import { deliveryCountOf, fromDelivery } from "../frames/codec.ts";
import type { Declarations } from "../topology/declarations.ts";

/** The queue that is consumed, and its consumer. */
export interface ConsumingOptions {
  /** The queue's name. */
  readonly queue: string;
  /** Declares the queue and its bindings. */
  declare(declaring: Declarations): Promise<void>;
  /** How many deliveries may be unacknowledged. */
  readonly prefetch: number;
  readonly consumer: Consumer;
  /** Called when RabbitMQ has cancelled the consumer, as it does when the queue is deleted. */
  cancelled(): void;
}

/**
 * Consumes a queue over all connections, each time with the whole prefetch at once. RabbitMQ puts the messages of a lost session after
 * those that were returned before. A session that takes everything that was returned gives it back in its old order. A session that began
 * with a single message would give that one back after its successors, if it is lost too.
 *
 * RabbitMQ cannot change a consumer's prefetch, nor raise it beyond 2,000. So to take more, the consumer is cancelled and another one
 * begins on the same channel. The cancelled one keeps its deliveries and gets no new ones. With one active consumer at a time, order is
 * kept. Unacknowledged deliveries come back in the order of the consumer tags, so these tags rise.
 */
export class Consuming {
  readonly options: ConsumingOptions;
  /** Set when no more deliveries are wanted, in this session or a later one. */
  isStopped = false;
  /** The session's channel; undefined without a session. */
  #channel: Channel | undefined;
  /** RabbitMQ's last answer; undefined while there is none. */
  #queued: number | undefined;
  #isAsking = false;

  constructor(options: ConsumingOptions) {
    this.options = options;
  }

  /** How many messages wait in the queue, by RabbitMQ's last answer. Each call asks RabbitMQ anew, but does not wait. */
  get queued(): number | undefined {
    const channel = this.#channel;
    if (channel !== undefined && !this.#isAsking) {
      this.#isAsking = true;
      // If the queue or the connection has gone, the session is told.
      channel
        .checkQueue(this.options.queue)
        .then(
          ({ messageCount }) => this.#answered(channel, messageCount),
          () => this.#answered(channel, undefined),
        )
        .finally(() => {
          this.#isAsking = false;
        });
    }
    return this.#queued;
  }

  /** Resolves when RabbitMQ has read the acknowledgements so far. */
  async settled(): Promise<void> {
    // RabbitMQ answers this question after it has read them, since it comes on the same channel.
    await this.#channel?.prefetch(1);
  }

  /** Consumes until the connection is lost. Resolves when RabbitMQ has the consumer, or knows that none is wanted. */
  async start(life: Life): Promise<void> {
    const { consumer, queue } = this.options;
    const { channel, opened } = life.openingChannel();
    const session = new Session(channel, this, life.drop);
    channel.on("close", () => session.end());
    this.#channel = channel;
    life.onLoss(() => {
      session.end();
      this.#channel = undefined;
      this.#queued = undefined;
      consumer.closed();
    });
    consumer.opened({
      ack: (tag, multiple) => session.ack(tag, multiple),
      take: (count) => session.take(count),
      stop: () => session.stop(),
    });
    life.asked.add(queue);
    await Promise.all([opened, session.begin()]);
    life.asked.delete(queue);
  }

  #answered(channel: Channel, queued: number | undefined): void {
    if (this.#channel === channel) this.#queued = queued;
  }
}

/** Enough digits for the tags to sort as text, however often the consumer is replaced. */
const tagDigits = 12;

class Session {
  readonly #channel: Channel;
  readonly #consuming: Consuming;
  readonly #drop: Drop;
  #isOpen = true;
  /** The tag of the consumer that gets new messages. */
  #active: string | undefined;
  /** What `take` was last asked for and what is not done yet. */
  #wanted: number | undefined;
  #isTurning = false;
  #consumerCount = 0;

  constructor(channel: Channel, consuming: Consuming, drop: Drop) {
    this.#channel = channel;
    this.#consuming = consuming;
    this.#drop = drop;
  }

  /** Resolves when RabbitMQ has the first consumer, or knows that none is wanted. */
  async begin(): Promise<void> {
    if (this.#consuming.isStopped) return;
    this.#wanted ??= this.#consuming.options.prefetch;
    await this.#turn();
  }

  end(): void {
    this.#isOpen = false;
  }

  ack(tag: number, multiple: boolean): void {
    if (this.#isOpen) this.#channel.ack({ fields: { deliveryTag: tag } } as ConsumeMessage, multiple);
  }

  take(count: number): void {
    this.#wanted = count;
    if (this.#isTurning) return;
    this.#turn().catch((error: unknown) => this.#drop(reasonOf(error)));
  }

  /**
   * Keeps the consumer. If it were cancelled, RabbitMQ would put back what is on its way to it at once, before older deliveries that come
   * back with the connection. So a delivery still comes for each acknowledgement, and goes back in order too.
   */
  stop(): void {
    this.#consuming.isStopped = true;
  }

  /** Replaces the consumer until the current one is what was last asked for. */
  async #turn(): Promise<void> {
    this.#isTurning = true;
    try {
      while (this.#isOpen && !this.#consuming.isStopped && this.#wanted !== undefined) {
        const before = this.#active;
        this.#active = undefined;
        if (before !== undefined) await this.#channel.cancel(before);
        const count = this.#wanted;
        this.#wanted = undefined;
        // The session may have been stopped while RabbitMQ cancelled the previous consumer.
        if (count > 0 && this.#isOpen && !this.#consuming.isStopped) await this.#consume(count);
      }
    } finally {
      this.#isTurning = false;
    }
  }

  async #consume(count: number): Promise<void> {
    const number = String(++this.#consumerCount).padStart(tagDigits, "0");
    const consumerTag = `warren-${number}-${crypto.randomUUID()}`;
    const onDelivery = (delivery: ConsumeMessage | null) => this.#deliver(delivery);
    this.#active = consumerTag;
    await Promise.all([
      this.#channel.prefetch(count),
      this.#channel.consume(this.#consuming.options.queue, onDelivery, { consumerTag }),
    ]);
  }

  #deliver(delivery: ConsumeMessage | null): void {
    if (delivery === null) {
      const { queue, cancelled } = this.#consuming.options;
      cancelled();
      this.#drop(`the queue ${queue} has gone or moved: declaring it again`);
      return;
    }
    // Deliveries after a stop go back with the connection, in order after the older ones.
    if (!this.#isOpen || this.#consuming.isStopped) return;
    const { consumer } = this.#consuming.options;
    consumer.deliver(delivery.fields.deliveryTag, fromDelivery(delivery), deliveryCountOf(delivery));
  }
}
