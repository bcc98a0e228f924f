/**
 * The straightforward processor with Warren's durability: a quorum queue, each answer published by itself, persistent, and
 * each message acknowledged when its answer is confirmed.
 */
import { connect } from "amqplib";

const connection = await connect(process.argv[2]!, { noDelay: true });
const publishing = await connection.createConfirmChannel();
const consuming = await connection.createChannel();

for (const exchange of ["wsmanager", "towsmanager"])
  await consuming.assertExchange(exchange, "fanout", { durable: true });
await consuming.assertQueue("wsmanager.processor", {
  durable: true,
  arguments: { "x-queue-type": "quorum" },
});
await consuming.bindQueue("wsmanager.processor", "wsmanager", "");
await consuming.prefetch(1000);
await consuming.consume("wsmanager.processor", (delivery) => {
  if (delivery === null) throw new Error("the consumer was cancelled");
  const answer = Buffer.from(`processed message: ${delivery.content.toString()}`);
  const properties = { persistent: true, contentType: "text/plain" };
  publishing.publish("towsmanager", "", answer, properties, (error) => {
    if (error) consuming.nack(delivery);
    else consuming.ack(delivery);
  });
});
process.stdout.write("ready\n");
