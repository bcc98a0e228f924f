import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { reasonOf } from "../../errors.ts";
import type { Consumer } from "../broker.ts";
import { deliveryCountOf, fromDelivery } from "./codec.ts";
import type { Declaring } from "./declaring.ts";
import { type Drop, watch } from "./watch.ts";

export interface Consuming {
  readonly queue: string;
  declare(declaring: Declaring): Promise<void>;
  readonly prefetch: number;
  readonly consumer: Consumer;
  /** RabbitMQ has ended the consumer, as it does when the queue is deleted. */
  cancelled(): void;
  isStopped: boolean;
  /** Resolves when RabbitMQ has read the acknowledgements so far; absent without a session. */
  settled?: (() => Promise<void>) | undefined;
  /** Asks RabbitMQ how many messages wait in the queue; absent without a session. */
  ask?: (() => Promise<number>) | undefined;
  /** What it answered last; undefined while nobody knows. */
  queued?: number | undefined;
  isAsking?: boolean;
}

/** What RabbitMQ answered last about a queue, and asks it anew: whoever shows it may not wait. */
export function queuedIn(consuming: Consuming | undefined): number | undefined {
  if (consuming?.ask !== undefined && consuming.isAsking !== true) {
    consuming.isAsking = true;
    consuming
      .ask()
      // Where the queue or the connection has gone, the session hears of it.
      .then(
        (queued) => {
          consuming.queued = queued;
        },
        () => {
          consuming.queued = undefined;
        },
      )
      .finally(() => {
        consuming.isAsking = false;
      });
  }
  return consuming?.queued;
}

/**
 * Consumes a group's queue until the connection is lost, with the whole prefetch at once: RabbitMQ puts what a lost session
 * held behind what others have returned before. A session that takes all that was returned gives it back in its old order; one
 * that began with a single message would give that back behind its followers, should it die again.
 *
 * RabbitMQ cannot change a consumer's prefetch, nor raise it beyond 2,000. So more is taken by another consumer on the same channel
 * after the one before it is cancelled: it keeps what it holds, and gets nothing new. With one at a time, order is kept. What they hold
 * comes back in the order of their tags, which therefore rise.
 */
export async function startConsumer(
  connection: ChannelModel,
  consuming: Consuming,
  atLoss: (() => void)[],
  drop: Drop,
): Promise<void> {
  const { queue } = consuming;
  const channel = await connection.createChannel();
  watch(channel, drop);
  const session = new Session(channel, queue, consuming, drop);
  channel.on("close", () => session.end());
  // Any question on the same channel is answered after them.
  consuming.settled = async () => {
    await channel.prefetch(1);
  };
  consuming.ask = async () => (await channel.checkQueue(queue)).messageCount;
  atLoss.push(() => {
    session.end();
    consuming.settled = undefined;
    consuming.ask = undefined;
    consuming.queued = undefined;
    consuming.consumer.closed();
  });
  consuming.consumer.opened({
    ack: (tag, multiple) => session.ack(tag, multiple),
    take: (count) => session.take(count),
    stop: () => session.stop(),
  });
  await session.begin();
}

/** Enough for tags to rise as texts, however often more is taken. */
const tagDigits = 12;

class Session {
  readonly #channel: Channel;
  readonly #queue: string;
  readonly #consuming: Consuming;
  readonly #drop: Drop;
  #isOpen = true;
  /** The tag of the consumer that gets new messages. */
  #active: string | undefined;
  /** What `take` was last asked for and has not been done. */
  #wanted: number | undefined;
  #isTurning = false;
  #consumerCount = 0;

  constructor(channel: Channel, queue: string, consuming: Consuming, drop: Drop) {
    this.#channel = channel;
    this.#queue = queue;
    this.#consuming = consuming;
    this.#drop = drop;
  }

  /** Resolves when RabbitMQ has the first consumer, or knows that none is wanted. */
  async begin(): Promise<void> {
    if (this.#consuming.isStopped) return;
    this.#wanted ??= this.#consuming.prefetch;
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
        if (count > 0 && this.#isOpen) await this.#consume(count);
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
    await this.#channel.consume(this.#queue, (delivery) => this.#deliver(delivery), { consumerTag });
  }

  #deliver(delivery: ConsumeMessage | null): void {
    if (delivery === null) {
      this.#consuming.cancelled();
      this.#drop(`the queue ${this.#queue} has gone or moved: declaring it again`);
      return;
    }
    // What comes after a stop goes back with the connection, after what was held before it: in its order.
    if (!this.#isOpen || this.#consuming.isStopped) return;
    const { consumer } = this.#consuming;
    consumer.deliver(delivery.fields.deliveryTag, fromDelivery(delivery), deliveryCountOf(delivery));
  }
}
