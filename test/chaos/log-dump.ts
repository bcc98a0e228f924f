import { tmpdir } from "node:os";
import { join } from "node:path";
import { markContentType } from "../../src/broker/broker.ts";
import { fromDelivery, offsetOf } from "../../src/broker/rabbitmq/frames/codec.ts";
import { open } from "../../src/envelope/envelope.ts";
import { onChannel } from "../faults/probe.ts";
import { placeAt, type Recorded, saidIn } from "./book.ts";

/** Nothing more comes when nothing has come for so long, in milliseconds. Processors' marks come all the time: they say when they were written. */
const silenceMsMax = 2000;

/** All that is in the log. */
export interface DumpedLog {
  /** The clients' messages and the answers to them, repeats too, which no durable reader gets. */
  readonly recorded: readonly Recorded[];
  /** A line for each record, with its ids and what was said. */
  readonly lines: readonly string[];
}

/** Reads all that is in the log. */
export async function readLog(url: string): Promise<DumpedLog> {
  const lines: string[] = [];
  const recorded: Recorded[] = [];
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
        const offset = offsetOf(delivery)!;
        const messages = isMark ? [] : open(envelope, "unnamed");
        const said = messages.map(({ id, body }, index) => {
          const one = saidIn(String(body));
          if (one !== undefined) recorded.push({ said: one, id: id ?? "", place: placeAt(offset, index) });
          return `${one?.key}=${id}`;
        });
        lines.push(
          `${offset} ${delivery.fields.exchange} ${messageId} by ${appId} at ${timestamp} of ${packId}: ${isMark ? "mark" : said.join(" ")}`,
        );
      },
      { arguments: { "x-stream-offset": "first" } },
    );
    await silence.promise;
    clearTimeout(timer);
  });
  return { recorded, lines };
}

/** @returns the name of the file that has them */
export async function writeLines(what: string, seed: number, lines: readonly string[]): Promise<string> {
  const file = join(tmpdir(), `warren-chaos-${what}-${seed}-${Date.now()}.txt`);
  await Bun.write(file, `${lines.join("\n")}\n`);
  return file;
}
