import type { ChannelModel, ConsumeMessage } from "amqplib";
import { reasonOf } from "../../errors.ts";
import type { Consumer } from "../broker.ts";
import { deliveryCountOf, fromDelivery } from "./codec.ts";
import { takenBack } from "./taking-back.ts";
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
  /** A session was lost that had deliveries: RabbitMQ has to take back those that were unacknowledged. */
  hasLeft?: boolean;
  /** Resolves when RabbitMQ has read the acknowledgements so far; absent without a session. */
  settled?: (() => Promise<void>) | undefined;
}

/**
 * Consumes a group's queue until the connection is lost.
 *
 * When a process dies, RabbitMQ counts a failed delivery for each message that it held, the innocent too, and some
 * deaths later dead-letters them all. So a session begins with one message at a time, and takes the whole prefetch only
 * when one comes that is no suspect. Not with a second consumer beside the first: a queue keeps order for each consumer.
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
  let isOpen = true;
  let isCareful = true;
  let delivered = 0;
  let hasAcked = false;
  /** The one that comes with the whole prefetch while the first is still unacknowledged. */
  let held: ConsumeMessage | undefined;
  let consumerTag = "";

  const consume = async (count: number) => {
    consumerTag = `warren-${crypto.randomUUID()}`;
    await channel.prefetch(count);
    await channel.consume(queue, onDelivery, { consumerTag });
    // Told to stop on the way.
    if (consuming.isStopped && isOpen) await channel.cancel(consumerTag);
  };
  const takeMore = async () => {
    isCareful = false;
    await channel.cancel(consumerTag);
    if (isOpen && !consuming.isStopped) await consume(prefetch);
  };
  const attempt = (doing: Promise<unknown>) => {
    doing.catch((error: unknown) => drop(reasonOf(error)));
  };
  const deliver = (delivery: ConsumeMessage) => {
    delivered++;
    consumer.deliver(delivery.fields.deliveryTag, fromDelivery(delivery), isSuspect(delivery));
  };
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (delivery === null) {
      drop(`the consumer of "${queue}" was cancelled`);
      return;
    }
    if (!isOpen || consuming.isStopped) return;
    if (isCareful && prefetch > 1 && !isSuspect(delivery)) attempt(takeMore());
    if (!hasAcked && delivered === prefetch) held = delivery;
    else deliver(delivery);
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
    if (delivered > 0) consuming.hasLeft = true;
    consuming.settled = undefined;
    consumer.closed();
  });
  consumer.opened({
    ack(tag, multiple) {
      if (!isOpen) return;
      channel.ack({ fields: { deliveryTag: tag } } as ConsumeMessage, multiple);
      hasAcked = true;
      const next = held;
      held = undefined;
      if (next !== undefined) {
        queueMicrotask(() => {
          if (isOpen && !consuming.isStopped) deliver(next);
        });
      }
    },
    stop() {
      consuming.isStopped = true;
      if (isOpen) attempt(channel.cancel(consumerTag));
    },
  });
  if (consuming.hasLeft === true) await takenBack(channel, queue);
  consuming.hasLeft = false;
  if (isOpen && !consuming.isStopped) await consume(1);
}
