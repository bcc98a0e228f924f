import type { ChannelModel, ConsumeMessage } from "amqplib";
import { reasonOf } from "../../errors.ts";
import type { Consumer } from "../broker.ts";
import { deliveryCountOf, fromDelivery } from "./codec.ts";
import { type Drop, watch } from "./watch.ts";

/** A message that comes again for this time may be the one that kills its processors. Once is what every lost connection brings about. */
const suspectFrom = 2;

function isSuspect(delivery: ConsumeMessage): boolean {
  return deliveryCountOf(delivery) >= suspectFrom;
}

export interface Consuming {
  readonly group: string;
  readonly prefetch: number;
  readonly consumer: Consumer;
  isStopped: boolean;
  /** Resolves when RabbitMQ has read the acknowledgements so far; absent without a session. */
  settled?: (() => Promise<void>) | undefined;
}

/**
 * Consumes a group's queue until the connection is lost, with the whole prefetch at once: RabbitMQ puts what a lost session
 * held behind what others have returned before. A session that takes all that was returned gives it back in its old order; one
 * that began with a single message would give that back behind its followers, should it die again.
 */
export async function startConsumer(
  connection: ChannelModel,
  queue: string,
  consuming: Consuming,
  atLoss: (() => void)[],
  drop: Drop,
): Promise<void> {
  const { consumer, prefetch } = consuming;
  const channel = await connection.createChannel();
  watch(channel, drop);
  const consumerTag = `warren-${crypto.randomUUID()}`;
  let isOpen = true;

  const cancel = () => {
    channel.cancel(consumerTag).catch((error: unknown) => drop(reasonOf(error)));
  };
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (delivery === null) {
      drop(`the consumer of "${queue}" was cancelled`);
      return;
    }
    if (!isOpen || consuming.isStopped) return;
    consumer.deliver(delivery.fields.deliveryTag, fromDelivery(delivery), isSuspect(delivery));
  };
  const end = () => {
    isOpen = false;
  };
  channel.on("close", end);
  // Any question on the same channel is answered after them.
  consuming.settled = async () => {
    await channel.prefetch(1);
  };
  atLoss.push(() => {
    end();
    consuming.settled = undefined;
    consumer.closed();
  });
  consumer.opened({
    ack(tag, multiple) {
      if (isOpen) channel.ack({ fields: { deliveryTag: tag } } as ConsumeMessage, multiple);
    },
    stop() {
      consuming.isStopped = true;
      if (isOpen) cancel();
    },
  });
  if (consuming.isStopped) return;
  await channel.prefetch(prefetch);
  await channel.consume(queue, onDelivery, { consumerTag });
  // Told to stop on the way.
  if (isOpen && consuming.isStopped) cancel();
}
