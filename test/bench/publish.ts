/**
 * What a publish costs: `bun test/bench/publish.ts`. CPU time of this process for each confirmed message of 64 bytes,
 * once through amqplib's `channel.publish` and once through `src/broker/rabbitmq/publish-link.ts`, interleaved, on a
 * RabbitMQ node of its own. Medians of the rounds, in microseconds.
 */
import { type ConfirmChannel, connect } from "amqplib";
import type { Envelope } from "../../src/broker/broker.ts";
import { publishLink } from "../../src/broker/rabbitmq/publish-link.ts";
import { startRabbitmq } from "../support/rabbitmq.ts";

const rounds = 7;
const messages = 20_000;
/** Messages of one turn of the event loop. */
const turn = 50;

const envelope = {
  body: Buffer.alloc(64, "x"),
  routingKey: "",
  contentType: "text/plain",
  messageId: "manager-1f2e3d4c5b6a-1000",
  timestamp: 1_795_467_696,
  appId: "manager-1f2e3d4c5b6a",
  clientId: "7b0c2f8e-91f2-4a57-8d4e-6a1b2c3d4e10",
  headers: undefined,
} satisfies Envelope;

function throughAmqplib(channel: ConfirmChannel, envelopes: readonly (typeof envelope)[]): void {
  for (const { body, routingKey, clientId, contentType, messageId, timestamp, appId } of envelopes) {
    channel.publish("wsmanager", routingKey, body, {
      persistent: true,
      headers: { "client-id": clientId },
      ...{ contentType, messageId, timestamp, appId },
    });
  }
}

await using node = await startRabbitmq();
const connection = await connect(node.url, { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.assertExchange("wsmanager", "fanout");
const link = publishLink(connection, channel, "wsmanager", [], () => undefined);

let confirmed = 0;
channel.on("ack", ({ deliveryTag }) => {
  confirmed = Math.max(confirmed, deliveryTag);
});
let sent = 0;

async function cpuPerMessageUs(send: (envelopes: readonly (typeof envelope)[]) => void): Promise<number> {
  const batch = new Array<typeof envelope>(turn).fill(envelope);
  const before = process.cpuUsage();
  for (let count = 0; count < messages; count += turn) {
    send(batch);
    sent += turn;
    while (sent - confirmed > 2000) await Bun.sleep(1);
    await new Promise(setImmediate);
  }
  while (confirmed < sent) await Bun.sleep(1);
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
