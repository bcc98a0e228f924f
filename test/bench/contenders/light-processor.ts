/** The processor of the tutorials, without guarantees: an exclusive queue, automatic acks, no confirms. */
import { connect } from "amqplib";

const connection = await connect(process.argv[2]!, { noDelay: true });
const channel = await connection.createChannel();
for (const exchange of ["wsmanager", "towsmanager"])
  await channel.assertExchange(exchange, "fanout", { durable: false });

const { queue } = await channel.assertQueue("", { exclusive: true });
await channel.bindQueue(queue, "wsmanager", "");
await channel.consume(
  queue,
  (delivery) => {
    if (delivery === null) throw new Error("the consumer was cancelled");
    channel.publish("towsmanager", "", Buffer.from(`processed message: ${delivery.content.toString()}`));
  },
  { noAck: true },
);
process.stdout.write("ready\n");
