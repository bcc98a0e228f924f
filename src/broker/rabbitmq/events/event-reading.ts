import type { Channel, ChannelModel, ConsumeMessage } from "amqplib";
import { type EventRecord, eventKeys } from "../../events.ts";
import { eventsLog } from "./events-topology.ts";

/** How many records may be unacknowledged. */
const prefetch = 2000;
const ackEvery = 500;
/** Reading is given up if the log sends nothing for this long, in milliseconds. */
const silentMsMax = 10_000;

/**
 * Reads the log of events up to a mark.
 *
 * @param from "first", or a time in seconds since 1970
 * @param mark the body of the mark, which is published before or soon after this call
 * @throws Error if the channel was lost, or if the log sent nothing before the mark
 */
export async function readEvents(
  connection: ChannelModel,
  from: "first" | number,
  mark: string,
  visit: (record: EventRecord) => void,
): Promise<void> {
  const channel = await connection.createChannel();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It may reject before anybody waits for it, while the consumer is being set up.
  promise.catch(() => undefined);
  const silence = setTimeout(() => reject(new Error("the log of events is silent")), silentMsMax);
  channel.on("error", reject);
  channel.on("close", () => reject(new Error("the channel was closed")));
  const wanted = Buffer.from(mark);
  let isOver = false;
  let count = 0;
  const take = (delivery: ConsumeMessage | null) => {
    if (isOver) return;
    if (delivery === null) return reject(new Error("the log of events has gone"));
    silence.refresh();
    const { exchange, routingKey } = delivery.fields;
    if (routingKey === eventKeys.mark && delivery.content.equals(wanted)) {
      isOver = true;
      return resolve();
    }
    visit({ source: exchange, key: routingKey, body: delivery.content });
    if (++count % ackEvery === 0) channel.ack(delivery, true);
  };
  try {
    await Promise.race([promise, begin(channel, from, take)]);
    await promise;
  } finally {
    isOver = true;
    clearTimeout(silence);
    // The channel may be closed already, with its connection. And nobody should have to wait for a broker that does not answer.
    const close = async () => await channel.close();
    close().catch(() => undefined);
  }
}

async function begin(
  channel: Channel,
  from: "first" | number,
  take: (delivery: ConsumeMessage | null) => void,
): Promise<void> {
  await channel.prefetch(prefetch);
  const offset = typeof from === "number" ? { "!": "timestamp", value: from } : from;
  await channel.consume(eventsLog, take, { arguments: { "x-stream-offset": offset } });
}
