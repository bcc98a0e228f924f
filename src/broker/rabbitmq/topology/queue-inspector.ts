import type { Channel, ChannelModel } from "amqplib";
import { copyHeader } from "../../../envelope/envelope.ts";
import { codeOf } from "../../../errors.ts";
import { closeChannel } from "../frames/innards.ts";

/** RabbitMQ's answer about a queue. */
export interface QueueDepth {
  /** The queue's name. */
  readonly queue: string;
  /** How many messages wait in it. */
  readonly messages: number;
  /** How many consumers it has. */
  readonly consumers: number;
}

/** Asks RabbitMQ about queues. */
export interface QueueInspector {
  /** The depths of the queues that exist. */
  depths(queues: readonly string[]): Promise<readonly QueueDepth[]>;
  /** Whether a queue refuses what is published to it. If it does not, this puts a message into the queue. The answer may never come. */
  refuses(queue: string): Promise<boolean>;
}

/** Asks on channels that are used for nothing else, since RabbitMQ closes a channel to say that a queue does not exist. */
export function inspectorOn(connection: ChannelModel): QueueInspector {
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
      // The message goes only to this queue, as a plain copy, which processors ignore.
      const headers = { [copyHeader]: true };
      let isOpen = true;
      const isTaken = await new Promise<boolean>((resolve) => {
        channel.once("close", () => {
          isOpen = false;
          resolve(true);
        });
        channel.sendToQueue(queue, Buffer.alloc(0), { headers }, (refusal: unknown) =>
          resolve(refusal === null),
        );
      });
      if (isOpen) await closeChannel(channel);
      return !isTaken;
    },
  };
}
