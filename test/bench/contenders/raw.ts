/** The ceiling: a bare Bun.serve that publishes each client's messages to one topic, without a broker. */
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response("This is for WebSockets.\n", { status: 426 }),
  websocket: {
    open: (socket) => void socket.subscribe("all"),
    message: (socket, body) => void socket.publish("all", body),
  },
});
process.stdout.write(`${server.url.href}\n`);

export {};
