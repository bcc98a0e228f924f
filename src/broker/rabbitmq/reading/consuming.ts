import type { Channel, ConsumeMessage } from "amqplib";
import { reasonOf } from "../../../errors.ts";
import type { Consumer } from "../../broker.ts";
import type { Life } from "../connection/life.ts";
import type { Drop } from "../connection/watch.ts";
import { deliveryCountOf, fromDelivery } from "../frames/codec.ts";
import type { Declaring } from "../topology/declaring.ts";

/** What is consumed, and by whom. */
export interface ConsumingOptions {
  /** The queue's name. */
  readonly queue: string;
  /** Declares the queue and its bindings. */
  declare(declaring: Declaring): Promise<void>;
  /** Deliveries that may wait for their acks. */
  readonly prefetch: number;
  readonly consumer: Consumer;
  /** RabbitMQ has ended the consumer, as it does when the queue is deleted. */
  cancelled(): void;
}

/**
 * Consumes a queue over all lives of the connection, each time with the whole prefetch at once: RabbitMQ puts what a lost session
 * held after what others have returned before. A session that takes all that was returned gives it back in its old order; one
 * that began with a single message would give that back after those that followed it, should it die again.
 *
 * RabbitMQ cannot change a consumer's prefetch, nor raise it beyond 2,000. So more is taken by another consumer on the same channel
 * after the one before it is cancelled: it keeps what it holds, and gets nothing new. With one at a time, order is kept. What they hold
 * comes back in the order of their tags, which therefore rise.
 */
export class Consuming {
  readonly options: ConsumingOptions;
  /** Nothing more is wanted, in this session or a later one. */
  isStopped = false;
  /** The session's channel; undefined without a session. */
  #channel: Channel | undefined;
  /** What RabbitMQ answered last; undefined while nobody knows. */
  #queued: number | undefined;
  #isAsking = false;

  constructor(options: ConsumingOptions) {
    this.options = options;
  }

  /** How many messages wait in the queue, as RabbitMQ answered last. Asks it anew, and does not wait. */
  get queued(): number | undefined {
    const channel = this.#channel;
    if (channel !== undefined && !this.#isAsking) {
      this.#isAsking = true;
      // Where the queue or the connection has gone, the session hears of it.
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
    // Any question on the same channel is answered after them.
    await this.#channel?.prefetch(1);
  }

  /** Consumes until the connection is lost. Resolves when RabbitMQ has the consumer, or knows that none is wanted. */
  async start(life: Life): Promise<void> {
    const { consumer } = this.options;
    const channel = await life.channel();
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
    await session.begin();
  }

  #answered(channel: Channel, queued: number | undefined): void {
    if (this.#channel === channel) this.#queued = queued;
  }
}

/** Enough for tags to rise as texts, however often more is taken. */
const tagDigits = 12;

class Session {
  readonly #channel: Channel;
  readonly #consuming: Consuming;
  readonly #drop: Drop;
  #isOpen = true;
  /** The tag of the consumer that gets new messages. */
  #active: string | undefined;
  /** What `take` was last asked for and has not been done. */
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
   * The consumer stays: what is on its way to one that is cancelled RabbitMQ puts back at once, before what was held longer and
   * comes back with the connection. So something more comes for each acknowledgement, and goes back in its order, too.
   */
  stop(): void {
    this.#consuming.isStopped = true;
  }

  /** Replaces the consumer until it is the one that was last asked for. */
  async #turn(): Promise<void> {
    this.#isTurning = true;
    try {
      while (this.#isOpen && !this.#consuming.isStopped && this.#wanted !== undefined) {
        const before = this.#active;
        this.#active = undefined;
        if (before !== undefined) await this.#channel.cancel(before);
        const count = this.#wanted;
        this.#wanted = undefined;
        // It may have been stopped while RabbitMQ cancelled the one before.
        if (count > 0 && this.#isOpen && !this.#consuming.isStopped) await this.#consume(count);
      }
    } finally {
      this.#isTurning = false;
    }
  }

  async #consume(count: number): Promise<void> {
    const number = String(++this.#consumerCount).padStart(tagDigits, "0");
    const consumerTag = `warren-${number}-${crypto.randomUUID()}`;
    await this.#channel.prefetch(count);
    this.#active = consumerTag;
    await this.#channel.consume(this.#consuming.options.queue, (delivery) => this.#deliver(delivery), {
      consumerTag,
    });
  }

  #deliver(delivery: ConsumeMessage | null): void {
    if (delivery === null) {
      const { queue, cancelled } = this.#consuming.options;
      cancelled();
      this.#drop(`the queue ${queue} has gone or moved: declaring it again`);
      return;
    }
    // What comes after a stop goes back with the connection, after what was held before it: in its order.
    if (!this.#isOpen || this.#consuming.isStopped) return;
    const { consumer } = this.#consuming.options;
    consumer.deliver(delivery.fields.deliveryTag, fromDelivery(delivery), deliveryCountOf(delivery));
  }
}
