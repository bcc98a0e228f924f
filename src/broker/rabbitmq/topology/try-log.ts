import type { ChannelModel } from "amqplib";
import { codeOf } from "../../../errors.ts";
import { closeChannel } from "../frames/innards.ts";
import { openingChannel } from "../frames/opening-channel.ts";
import { logStream } from "./topology.ts";

/**
 * Reads from the log for a moment, which fails until RabbitMQ has opened it. Just after a restart RabbitMQ accepts connections before its
 * streams are ready, and confirms messages that never get into them (seen with 3.10). If this user may not read the log, it need not wait
 * for it.
 */
export async function tryLog(connection: ChannelModel): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await readLog(connection);
      return;
    } catch (error) {
      // A log that was declared just now opens within some milliseconds.
      if (attempt === attemptsMax) throw error;
      await Bun.sleep(attemptAfterMs);
    }
  }
}

const attemptsMax = 10;
const attemptAfterMs = 50;

async function readLog(connection: ChannelModel): Promise<void> {
  const { channel, opened } = openingChannel(connection);
  // The rejected question reports the same. Without a listener the event would be thrown.
  channel.on("error", () => undefined);
  const consume = { arguments: { "x-stream-offset": "next" } };
  try {
    await Promise.all([opened, channel.prefetch(1), channel.consume(logStream, () => undefined, consume)]);
  } catch (error) {
    if (codeOf(error) !== 403) throw error;
    return;
  }
  // Nothing has to wait for that. It fails if the connection ends, which the link is told.
  closeChannel(channel).catch(() => undefined);
}
