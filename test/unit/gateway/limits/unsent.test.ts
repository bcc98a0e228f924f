import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Inflow } from "../../../../src/gateway/clients/inflow.ts";
import { Seat, type Watched } from "../../../../src/gateway/clients/seat.ts";
import { peerOf } from "../../../../src/gateway/guards/address.ts";
import { SocketBytes } from "../../../../src/gateway/limits/socket-bytes.ts";
import { Unsent } from "../../../../src/gateway/limits/unsent.ts";

const kibibyte = 1024;

function watchedBy(fd: number): Watched {
  const inflow = new Inflow(false, kibibyte, 0);
  const counts = { received: 0, unread: 0, taken: 0, takenBefore: 0 };
  return { inflow, peer: "", fd, isPatient: false, isToEnd: false, ...counts };
}

function client(fd: number) {
  const seat = new Seat(undefined);
  const watched = watchedBy(fd);
  seat.watched = watched;
  const socket = { readyState: WebSocket.OPEN as number, data: { seat, isPatient: false } };
  const told: string[] = [];
  const unsent = new Unsent({
    keepUnsent: (of, bytes) => {
      told.push(`${of}: ${bytes}`);
      return true;
    },
  });
  return {
    socket,
    told,
    watched,
    found: () => unsent.found(watched),
    is(isPatient: boolean) {
      socket.data.isPatient = isPatient;
      unsent.changed(socket as unknown as ClientSocket);
    },
  };
}

test("the kernel's setting is changed once when a client becomes patient, and once when it no longer is", () => {
  const { is, told } = client(20);
  is(false);
  is(true);
  is(true);
  is(false);
  expect(told).toEqual(["20: 65536", "20: 0"]);
});

test("the kernel's setting is changed as soon as a client's file descriptor is found", () => {
  const { is, told, watched, found } = client(-1);
  is(true);
  expect(told).toEqual([]);
  watched.fd = 21;
  found();
  expect(told).toEqual(["21: 65536"]);
});

test("the kernel's setting stays for a client that never became patient", () => {
  const { told, found } = client(22);
  found();
  expect(told).toEqual([]);
});

test("input of a client that has gone does not change its file descriptor, which another client may have", () => {
  const { socket, told, is } = client(23);
  socket.readyState = WebSocket.CLOSED;
  is(true);
  expect(told).toEqual([]);
});

/** What a connection takes whose other end does not read, in bytes. @param use is called with the writing end */
async function takenBy(use: (sockets: SocketBytes, fd: number) => void): Promise<number> {
  const sockets = SocketBytes.open()!;
  const writing = Promise.withResolvers<Socket>();
  const server = createServer((socket) => writing.resolve(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const reader = connect({ port, host: "127.0.0.1" });
  await once(reader, "connect");
  reader.pause();
  const writer = await writing.promise;
  const peer = peerOf("127.0.0.1", reader.localPort!, port);
  const fd = Array.from({ length: 1000 }, (_, at) => at).find((at) => sockets.peer(at) === peer)!;
  use(sockets, fd);
  // What the reader's end takes comes by and by.
  let written = 0;
  for (let turns = 0; turns < 200 && written < 32 * kibibyte ** 2; turns++) {
    while (writer.writableLength === 0) {
      writer.write(Buffer.alloc(16 * kibibyte));
      written += 16 * kibibyte;
    }
    await new Promise(setImmediate);
  }
  const taken = written - writer.writableLength;
  reader.destroy();
  writer.destroy();
  server.close();
  return taken;
}

test.skipIf(process.platform !== "linux")("the kernel keeps to what it is told of a connection", async () => {
  const untold = await takenBy(() => undefined);
  const told = await takenBy((sockets, fd) => {
    expect(sockets.keepUnsent(fd, 64 * kibibyte)).toBe(true);
  });
  const toldOtherwise = await takenBy((sockets, fd) => {
    sockets.keepUnsent(fd, 64 * kibibyte);
    sockets.keepUnsent(fd, 0);
  });
  // The reader's end takes some.
  expect(told).toBeLessThan(untold - 1024 * kibibyte);
  expect(toldOtherwise).toBeGreaterThan(told + 1024 * kibibyte);
});
