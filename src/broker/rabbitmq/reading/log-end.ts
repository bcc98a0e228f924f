import type { ChannelModel } from "amqplib";
import { offsetOf } from "../frames/codec.ts";
import { closeChannel } from "../frames/innards.ts";
import { logStream } from "../topology/topology.ts";

/** If RabbitMQ shows nothing of a log for this time, it is empty or cannot be read. In milliseconds. */
const silenceMsMax = 1500;

/**
 * The offset at which the log's last chunk begins. A chunk is what RabbitMQ wrote at once.
 *
 * @returns undefined if RabbitMQ does not show it soon
 */
export async function lastChunkOffset(connection: ChannelModel): Promise<number | undefined> {
  return await offsetAt("last", connection);
}

/**
 * The offset of the oldest record that the log has.
 *
 * @returns undefined if RabbitMQ does not show it soon
 */
export async function oldestOffset(connection: ChannelModel): Promise<number | undefined> {
  return await offsetAt("first", connection);
}

async function offsetAt(place: "first" | "last", connection: ChannelModel): Promise<number | undefined> {
  const channel = await connection.createChannel();
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const nothing = () => resolve(undefined);
  channel.on("error", nothing);
  channel.on("close", nothing);
  const timer = setTimeout(nothing, silenceMsMax);
  try {
    await channel.prefetch(1);
    await channel.consume(
      logStream,
      (delivery) => resolve(delivery === null ? undefined : offsetOf(delivery)),
      {
        arguments: { "x-stream-offset": place },
      },
    );
    return await promise;
  } finally {
    clearTimeout(timer);
    // RabbitMQ may have closed it already, or its connection may have ended.
    await closeChannel(channel).catch(() => undefined);
  }
}
