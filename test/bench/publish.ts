/**
 * What a publish costs: `bun test/bench/publish.ts`. CPU time of this process for each confirmed message of 64 bytes,
 * once through amqplib's `channel.publish` and once through `src/broker/rabbitmq/publishing/publish-link.ts`, interleaved, on a
 * RabbitMQ node of its own. Medians of the rounds, in microseconds.
 */
import type { ConfirmChannel } from "amqplib";
import { type envelope, linkTo, publisherOn, startPublishing } from "./publishing.ts";

const rounds = 7;
const messages = 20_000;

function throughAmqplib(channel: ConfirmChannel, envelopes: readonly (typeof envelope)[]): void {
  for (const { body, routingKey, clientId, contentType, messageId, timestamp, appId } of envelopes) {
    channel.publish("wsmanager", routingKey, body, {
      persistent: true,
      headers: { "client-id": clientId },
      ...{ contentType, messageId, timestamp, appId },
    });
  }
}

const { node, connection } = await startPublishing();
await using _node = node;
const channel = await connection.createConfirmChannel();
await channel.assertExchange("wsmanager", "fanout");
const link = linkTo(connection, channel, "wsmanager");
const publish = publisherOn(channel);

async function cpuPerMessageUs(send: Parameters<typeof publish>[1]): Promise<number> {
  const before = process.cpuUsage();
  await publish(messages, send);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / messages;
}

const results = { amqplib: [] as number[], frames: [] as number[] };
for (let round = 0; round <= rounds; round++) {
  const amqplib = await cpuPerMessageUs((envelopes) => throughAmqplib(channel, envelopes));
  const frames = await cpuPerMessageUs((envelopes) => link.send(envelopes));
  // The first round warms up.
  if (round === 0) continue;
  results.amqplib.push(amqplib);
  results.frames.push(frames);
}
await connection.close();

for (const [name, values] of Object.entries(results)) {
  const sorted = values.sort((a, b) => a - b);
  const [least, median, most] = [sorted[0]!, sorted[rounds >> 1]!, sorted.at(-1)!].map((us) => us.toFixed(1));
  process.stdout.write(`${name.padEnd(8)} ${median} us a message (${least} to ${most})\n`);
}
