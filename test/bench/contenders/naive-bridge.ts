/**
 * The straightforward bridge with Warren's durability: each client message is relayed to the others at once, and published
 * by itself, persistent and confirmed. Answers come from the shared stream, each acknowledged by itself.
 *
 * It counts confirms, so that the benchmark can see that all came.
 */
import { connect } from "amqplib";

const appId = crypto.randomUUID();
let published = 0;
let confirmed = 0;

const connection = await connect(process.argv[2]!, { noDelay: true });
const publishing = await connection.createConfirmChannel();
const consuming = await connection.createChannel();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    if (server.upgrade(request)) return undefined;
    return new Response(`bridge_published_total ${published}\nbridge_confirmed_total ${confirmed}\n`);
  },
  websocket: {
    open: (socket) => void socket.subscribe("all"),
    message(socket, body) {
      socket.publish("all", body);
      published++;
      const properties = { persistent: true, contentType: "text/plain", appId };
      publishing.publish("wsmanager", "", Buffer.from(body), properties, (error) => {
        if (error) throw error;
        confirmed++;
      });
    },
  },
});

await consuming.assertQueue("wsmanager.log", {
  durable: true,
  arguments: {
    "x-queue-type": "stream",
    "x-max-length-bytes": 1024 ** 3,
    "x-stream-max-segment-size-bytes": 64 * 1024 ** 2,
  },
});
for (const exchange of ["wsmanager", "towsmanager"]) {
  await consuming.assertExchange(exchange, "fanout", { durable: true });
  await consuming.bindQueue("wsmanager.log", exchange, "");
}
await consuming.prefetch(1000);
await consuming.consume(
  "wsmanager.log",
  (delivery) => {
    if (delivery === null) throw new Error("the stream's consumer was cancelled");
    // Its own clients have got it already.
    if (delivery.properties.appId !== appId) server.publish("all", delivery.content.toString());
    consuming.ack(delivery);
  },
  { arguments: { "x-stream-offset": "next" } },
);
process.stdout.write(`${server.url.href}\n`);
