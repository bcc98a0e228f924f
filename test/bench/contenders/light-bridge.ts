/** The bridge of the tutorials, without guarantees: an exclusive queue, automatic acks, no confirms. */
import { connect } from "amqplib";

const connection = await connect(process.argv[2]!, { noDelay: true });
const channel = await connection.createChannel();
for (const exchange of ["wsmanager", "towsmanager"])
  await channel.assertExchange(exchange, "fanout", { durable: false });

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response("This is for WebSockets.\n", { status: 426 }),
  websocket: {
    open: (socket) => void socket.subscribe("all"),
    message(socket, body) {
      socket.publish("all", body);
      channel.publish("wsmanager", "", Buffer.from(body));
    },
  },
});

const { queue } = await channel.assertQueue("", { exclusive: true });
await channel.bindQueue(queue, "towsmanager", "");
await channel.consume(
  queue,
  (delivery) => {
    if (delivery === null) throw new Error("the consumer was cancelled");
    server.publish("all", delivery.content.toString());
  },
  { noAck: true },
);
process.stdout.write(`${server.url.href}\n`);
