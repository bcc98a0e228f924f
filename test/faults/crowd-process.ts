/** The process of a crowd: `bun crowd-process.ts PORT SIZE`. It writes "connected" when all clients are, and waits. */
const [port, size] = process.argv.slice(2).map(Number) as [number, number];

const request = [
  "GET /ws?topic=crowd HTTP/1.1",
  `Host: 127.0.0.1:${port}`,
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "",
  "",
].join("\r\n");

async function join(): Promise<void> {
  const answered = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => {
        const head = bytes.subarray(0, 12).toString();
        if (head === "HTTP/1.1 101") answered.resolve();
      },
      close: () => answered.reject(new Error("closed")),
    },
  });
  socket.write(request);
  await answered.promise;
}

await Promise.all(Array.from({ length: size }, join));
process.stdout.write("connected\n");
setInterval(() => undefined, 1000);

export {};
