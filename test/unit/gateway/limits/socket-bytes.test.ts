import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { peerOf } from "../../../../src/gateway/guards/address.ts";
import { SocketBytes } from "../../../../src/gateway/limits/socket-bytes.ts";

const onLinux = test.if(process.platform === "linux");
const local = "127.0.0.1";

/** Listens, and takes one connection. */
async function listening(before: (port: number) => void = () => undefined) {
  const opened = Promise.withResolvers<string>();
  const listener = Bun.listen({
    hostname: local,
    port: 0,
    socket: {
      data: () => undefined,
      open: (socket) => opened.resolve(peerOf(local, socket.remotePort, socket.localPort)),
    },
  });
  before(listener.port);
  const client = await Bun.connect({
    hostname: local,
    port: listener.port,
    socket: { data: () => undefined },
  });
  return {
    port: listener.port,
    peer: await opened.promise,
    [Symbol.dispose]() {
      client.end();
      listener.stop(true);
    },
  };
}

onLinux("what may wait to be read of a connection is what was set for the port that it came to", async () => {
  const sockets = SocketBytes.open()!;
  const fdOf = (peer: string) => {
    const fd = readdirSync("/proc/self/fd").find((name) => sockets.peer(Number(name)) === peer);
    return Number(fd);
  };
  using limited = await listening((port) => {
    expect(sockets.prepare(port, 96 * 1024)).toBe(true);
  });
  using other = await listening();
  expect(sockets.unreadMax(fdOf(limited.peer))).toBe(2 * 96 * 1024);
  expect(sockets.unreadMax(fdOf(other.peer))).not.toBe(2 * 96 * 1024);
});

onLinux("nothing is limited where nothing listens, and what is no connection has no limit", async () => {
  const sockets = SocketBytes.open()!;
  const { port } = await (async () => {
    using gone = await listening();
    return gone;
  })();
  expect(sockets.prepare(port, 96 * 1024)).toBe(false);
  expect(sockets.unreadMax(-1)).toBeUndefined();
});
