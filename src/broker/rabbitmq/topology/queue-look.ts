import type { Channel, ChannelModel } from "amqplib";
import { copyHeader } from "../../../envelope/envelope.ts";
import { codeOf } from "../../../errors.ts";
import { closeChannel } from "../frames/innards.ts";

/** What RabbitMQ says of a queue. */
export interface QueueDepth {
  /** The queue's name. */
  readonly queue: string;
  /** Messages that wait in it. */
  readonly messages: number;
  /** Those that consume from it. */
  readonly consumers: number;
}

/** A look at queues. */
export interface Look {
  /** Looks at queues. Those that are not there are left out. */
  depths(queues: readonly string[]): Promise<readonly QueueDepth[]>;
  /** Whether a queue refuses what is published to it. It costs a message in the queue if it does not. */
  refuses(queue: string): Promise<boolean>;
}

/** Looks on channels that are used for nothing else, since RabbitMQ closes a channel to say that a queue is not there. */
export function lookOn(connection: ChannelModel): Look {
  return {
    async depths(queues) {
      const found: QueueDepth[] = [];
      let channel: Channel | undefined;
      for (const queue of queues) {
        if (channel === undefined) {
          channel = await connection.createChannel();
          channel.on("error", () => undefined);
        }
        try {
          const { messageCount: messages, consumerCount: consumers } = await channel.checkQueue(queue);
          found.push({ queue, messages, consumers });
        } catch (error) {
          if (codeOf(error) !== 404) throw error;
          channel = undefined;
        }
      }
      if (channel !== undefined) await closeChannel(channel);
      return found;
    },
    async refuses(queue) {
      const channel = await connection.createConfirmChannel();
      channel.on("error", () => undefined);
      // It goes to this queue alone, as a copy, which processors pass over.
      const headers = { [copyHeader]: true };
      const isTaken = await new Promise<boolean>((resolve) => {
        channel.once("close", () => resolve(true));
        channel.sendToQueue(queue, Buffer.alloc(0), { headers }, (refusal: unknown) =>
          resolve(refusal === null),
        );
      });
      await closeChannel(channel);
      return !isTaken;
    },
  };
}
