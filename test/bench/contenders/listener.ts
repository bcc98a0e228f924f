/** Another program, which consumes every message on both exchanges. */
import { connect } from "amqplib";

const connection = await connect(process.argv[2]!, { noDelay: true });
const channel = await connection.createChannel();
for (const exchange of ["wsmanager", "towsmanager"]) {
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, exchange, "");
  await channel.consume(queue, () => undefined, { noAck: true });
}
process.stdout.write("ready\n");
