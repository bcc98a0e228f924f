import type { Channel, GetMessage } from "amqplib";
import { deliveryCountOf } from "../broker/rabbitmq/frames/codec.ts";
import { deadQueue } from "../broker/rabbitmq/topology/topology.ts";

/** Messages that are asked for at a time. */
const batchMax = 64;

/** What becomes of a dead letter: it stays where it is, or it is gone once this is done. `end` stays, and no other is looked at. */
export type Fate = "stays" | "goes" | "end";

/** How far a walk has got. */
export interface Walked {
  /** Messages looked at. */
  readonly seen: number;
  /** How many there are, as RabbitMQ said at the beginning: that may be some moments old. */
  readonly of: number;
  /** The most often that one of them has been looked at before. */
  readonly lookedAtBefore: number;
}

/**
 * Looks at the dead letters in order, until there is none left, and puts those that stay back at their places.
 *
 * @param decide what becomes of a message, by how many there were before it; it is taken out of the queue when this has
 *   resolved with `goes`
 * @param isEnough asked before each batch; the walk ends where it says so
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
    // From 4.3 on, RabbitMQ does not count this as a failed delivery, as it does where a consumer goes without a word.
    if (doesAnyStay) channel.nackAll(true);
  }
  // RabbitMQ answers after it has read what was acknowledged and given back: closing the connection might overtake that.
  await channel.checkQueue(deadQueue);
  return walked();
}
