/**
 * The ceiling for STOMP: a bare Bun.serve that publishes frames of the bytes of Warren's MESSAGE frames to one topic. It knows
 * as much of STOMP as the load generator needs, and nothing of a broker.
 */
const messageHead = [
  "MESSAGE",
  "subscription:0",
  `message-id:${crypto.randomUUID()}-100000`,
  "destination:/topic/bench",
  "content-type:text/plain",
  "content-length:64",
  "\n",
].join("\n");

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const headers = { "sec-websocket-protocol": "v12.stomp" };
    return server.upgrade(request, { headers })
      ? undefined
      : new Response("This is for WebSockets.\n", { status: 426 });
  },
  websocket: {
    message(socket, frame) {
      const text = String(frame);
      if (text.startsWith("SEND")) server.publish("all", messageHead + text.slice(text.indexOf("\n\n") + 2));
      else if (text.startsWith("CONNECT")) socket.send("CONNECTED\nversion:1.2\n\n\0");
      else {
        socket.subscribe("all");
        socket.send(`RECEIPT\nreceipt-id:${/receipt:(.*)/.exec(text)?.[1]}\n\n\0`);
      }
    },
  },
});
process.stdout.write(`${server.url.href}\n`);

export {};
