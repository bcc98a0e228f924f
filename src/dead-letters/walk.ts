import type { Channel, GetMessage } from "amqplib";
import { deliveryCountOf } from "../broker/rabbitmq/codec.ts";
import { deadQueue } from "../broker/rabbitmq/topology.ts";

/** Messages that are asked for at a time. */
const batchMax = 64;

/** What becomes of a dead letter: it stays where it is, or it is gone once this is done. */
export type Fate = "stays" | "goes";

/** How far a walk has got. */
export interface Walked {
  /** Messages looked at, and how many the queue had when it began. */
  readonly seen: number;
  readonly of: number;
  /** The most often that one of them has been looked at before. */
  readonly lookedAtBefore: number;
}

/**
 * Looks at each dead letter once, in order, and puts those that stay back at their places. What dies meanwhile is not looked at.
 *
 * @param decide what becomes of a message; it is taken out of the queue when this has resolved with `goes`
 * @param isEnough asked before each batch; the walk ends where it says so
 */
export async function walk(
  channel: Channel,
  decide: (message: GetMessage) => Fate | Promise<Fate>,
  onProgress: (walked: Walked) => void = () => undefined,
  isEnough: () => boolean = () => false,
): Promise<Walked> {
  const { messageCount: of } = await channel.checkQueue(deadQueue);
  let seen = 0;
  let lookedAtBefore = 0;
  let doesAnyStay = false;
  let isEmpty = false;
  try {
    while (!isEmpty && seen < of && !isEnough()) {
      const wanted = Math.min(batchMax, of - seen);
      // RabbitMQ answers the questions of a channel in order.
      const got = await Promise.all(Array.from({ length: wanted }, () => channel.get(deadQueue)));
      for (const message of got) {
        if (message === false) {
          isEmpty = true;
          continue;
        }
        seen++;
        lookedAtBefore = Math.max(lookedAtBefore, deliveryCountOf(message));
        if ((await decide(message)) === "goes") channel.ack(message);
        else doesAnyStay = true;
      }
      onProgress({ seen, of, lookedAtBefore });
    }
  } finally {
    // From 4.3 on, RabbitMQ does not count this as a failed delivery, as it does where a consumer goes without a word.
    if (doesAnyStay) channel.nackAll(true);
  }
  // RabbitMQ answers after it has read what was acknowledged and given back: closing the connection might overtake that.
  await channel.checkQueue(deadQueue);
  return { seen, of, lookedAtBefore };
}
