import type { ConsumeMessage } from "amqplib";
import { leaversIn, type OnLeft } from "../../leavers.ts";
import type { Life } from "../connection/life.ts";
import type { Declarations } from "./declarations.ts";
import { keepBound } from "./keeping-bound.ts";

/** The exchange through which managers tell processors which clients that asked requests have disconnected. */
export const leftExchange = "wsmanager.left";

/** The limit of the queue: a processor that stands still has no use for what it did not read. */
const messagesMax = 1000;

/** Declares the exchange through which processors hear of clients that have disconnected. */
export async function declareLeft(declaring: Declarations): Promise<void> {
  await declaring.fanout(leftExchange);
}

/** Listens to that exchange, which exists, over a queue that belongs to this connection. */
export async function hearLeft(life: Life, onLeft: OnLeft): Promise<void> {
  const { channel, opened } = life.openingChannel();
  const queue = `${leftExchange}.${crypto.randomUUID()}`;
  const onDelivery = (delivery: ConsumeMessage | null) => {
    if (delivery === null) life.drop("the processor's queue of clients that have gone was deleted");
    else onLeft(leaversIn(delivery.content));
  };
  const bind = () => channel.bindQueue(queue, leftExchange, "");
  await Promise.all([
    opened,
    channel.assertQueue(queue, {
      exclusive: true,
      durable: false,
      arguments: { "x-max-length": messagesMax },
    }),
    bind(),
    channel.consume(queue, onDelivery, { noAck: true }),
  ]);
  keepBound(life, bind);
}
