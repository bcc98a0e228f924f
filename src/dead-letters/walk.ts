import type { Channel, GetMessage } from "amqplib";
import { deliveryCountOf } from "../broker/rabbitmq/frames/codec.ts";
import { deadQueue } from "../broker/rabbitmq/topology/topology.ts";

/** How many messages are fetched at a time. */
const batchMax = 64;

/** What happens to a dead letter: it stays, or it is deleted when this is done. `end`: it stays, and the walk ends. */
export type Fate = "stays" | "goes" | "end";

/** How far a walk has got. */
export interface Walked {
  /** How many messages were looked at. */
  readonly seen: number;
  /** How many there are, as RabbitMQ said at the beginning. */
  readonly of: number;
  /** The most often that one of them was looked at before. */
  readonly lookedAtBefore: number;
}

/**
 * Looks at the dead letters in order, until there are no more, and puts those that stay back at their places.
 *
 * @param decide decides about a message; the message is deleted from the queue after this has resolved with `goes`
 * @param isEnough asked before each batch; if it returns true the walk ends
 */
export async function walk(
  channel: Channel,
  decide: (message: GetMessage, walked: Walked) => Fate | Promise<Fate>,
  onProgress: (walked: Walked) => void = () => undefined,
  isEnough: () => boolean = () => false,
): Promise<Walked> {
  const { messageCount } = await channel.checkQueue(deadQueue);
  let seen = 0;
  let lookedAtBefore = 0;
  let doesAnyStay = false;
  let isOver = false;
  const walked = (): Walked => ({ seen, of: Math.max(messageCount, seen), lookedAtBefore });
  try {
    while (!isOver && !isEnough()) {
      // RabbitMQ answers the questions of a channel in order.
      const got = await Promise.all(Array.from({ length: batchMax }, () => channel.get(deadQueue)));
      for (const message of got) {
        if (message === false) {
          isOver = true;
          continue;
        }
        const fate: Fate = isOver ? "end" : await decide(message, walked());
        if (fate === "goes") channel.ack(message);
        else doesAnyStay = true;
        if (fate === "end") isOver = true;
        else seen++;
        lookedAtBefore = Math.max(lookedAtBefore, deliveryCountOf(message));
      }
      onProgress(walked());
    }
  } finally {
    // From 4.3 on, RabbitMQ does not count this as a failed delivery, as it does when a consumer disappears.
    if (doesAnyStay) channel.nackAll(true);
  }
  // RabbitMQ answers this question after it has read the acknowledgements before it. Closing the connection could overtake them.
  await channel.checkQueue(deadQueue);
  return walked();
}
