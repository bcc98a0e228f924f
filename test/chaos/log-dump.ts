import { tmpdir } from "node:os";
import { join } from "node:path";
import { markContentType } from "../../src/broker/broker.ts";
import { fromDelivery, offsetOf } from "../../src/broker/rabbitmq/frames/codec.ts";
import { open } from "../../src/envelope/envelope.ts";
import { onChannel } from "../faults/probe.ts";
import { saidIn } from "./book.ts";

/** Nothing more comes when nothing has come for so long, in milliseconds. Processors' marks come all the time: they say when they were written. */
const silenceMsMax = 2000;

/**
 * Writes all that is in the log, repeats too, which no client gets: a line for each record, with its ids and what was said.
 *
 * @returns the file's name
 */
export async function dumpLog(url: string, seed: number): Promise<string> {
  const lines: string[] = [];
  const begunAtSeconds = Date.now() / 1000;
  await onChannel(url, async (channel) => {
    await channel.prefetch(1000);
    const silence = Promise.withResolvers<void>();
    const timer = setTimeout(silence.resolve, silenceMsMax);
    await channel.consume(
      "wsmanager.log",
      (delivery) => {
        if (delivery === null) return;
        timer.refresh();
        channel.ack(delivery);
        const envelope = fromDelivery(delivery);
        const { messageId, appId, packId, timestamp = 0, contentType } = envelope;
        if (timestamp > begunAtSeconds) silence.resolve();
        const isMark = contentType === markContentType;
        const said = isMark
          ? []
          : open(envelope, "unnamed").map(({ id, body }) => `${saidIn(String(body))?.key}=${id}`);
        lines.push(
          `${offsetOf(delivery)} ${delivery.fields.exchange} ${messageId} by ${appId} at ${timestamp} of ${packId}: ${isMark ? "mark" : said.join(" ")}`,
        );
      },
      { arguments: { "x-stream-offset": "first" } },
    );
    await silence.promise;
    clearTimeout(timer);
  });
  const file = join(tmpdir(), `warren-chaos-log-${seed}-${Date.now()}.txt`);
  await Bun.write(file, `${lines.join("\n")}\n`);
  return file;
}
