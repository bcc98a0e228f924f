import type { ChannelModel } from "amqplib";
import { codeOf } from "../../../errors.ts";
import { closeChannel } from "../frames/innards.ts";
import { logStream } from "./topology.ts";

/**
 * Reads from the log for a moment, which fails until RabbitMQ has it open. Just after a restart RabbitMQ takes connections
 * before its streams are there, and confirms what never gets into them (seen with 3.10). A log that this user may not read is
 * nobody's to wait for.
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
  const channel = await connection.createChannel();
  // The rejected question says the same; without a listener the event would be thrown.
  channel.on("error", () => undefined);
  try {
    await channel.prefetch(1);
    await channel.consume(logStream, () => undefined, { arguments: { "x-stream-offset": "next" } });
  } catch (error) {
    if (codeOf(error) !== 403) throw error;
    return;
  }
  await closeChannel(channel);
}
