import { expect, test } from "bun:test";
import type { Server } from "bun";
import type { Client, ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Roster } from "../../../../src/gateway/clients/roster.ts";
import { peerOf } from "../../../../src/gateway/guards/address.ts";
import { HalfSent } from "../../../../src/gateway/limits/half-sent.ts";
import type { SocketBytes } from "../../../../src/gateway/limits/socket-bytes.ts";
import { Unsent } from "../../../../src/gateway/limits/unsent.ts";
import { makeRoom } from "./room.ts";

const { room, pass, client } = makeRoom();

const kibibyte = 1024;
const ownPort = 8000;

/** A kernel with sockets, by their file descriptors. */
class Kernel {
  readonly sockets = new Map<number, { readonly port: number; received: number; unread: number }>();
  askedCount = 0;

  peer(fd: number): string | undefined {
    this.askedCount++;
    const socket = this.sockets.get(fd);
    return socket && peerOf("127.0.0.1", socket.port, ownPort);
  }
  received(fd: number): number | undefined {
    return this.sockets.get(fd)?.received;
  }
  unread(fd: number): number {
    return this.sockets.get(fd)?.unread ?? 0;
  }
}

function watched() {
  const kernel = new Kernel();
  const roster = new Roster();
  let grown = 0;
  const halfSent = new HalfSent(
    { messageTimeoutMs: 60_000, messageMaxBytes: 1024 * kibibyte },
    room.wheel,
    room.holds,
    roster,
    kernel as unknown as SocketBytes,
    new Unsent(undefined),
    (bytes) => {
      grown += bytes;
    },
  );
  const join = (fd: number, port: number) => {
    const { socket, calls } = client();
    const server = {
      requestIP: () => ({ address: "127.0.0.1", port, family: "IPv4" }),
      protocol: "http",
      port: ownPort,
    } as unknown as Server<Client>;
    const entry = { port, received: 400, unread: 0 };
    kernel.sockets.set(fd, entry);
    halfSent.expect(socket.data.seat, new Request("http://x"), server);
    roster.add(socket);
    halfSent.joined();
    return { socket, calls, entry };
  };
  const leave = (fd: number, socket: ClientSocket) => {
    kernel.sockets.delete(fd);
    roster.delete(socket);
    halfSent.left(socket.data.seat);
  };
  return { kernel, join, leave, grown: () => grown };
}

test("a client that does not end what it has begun is asked to go after the time that it has, and made to if it stays", () => {
  const { join, grown } = watched();
  const { entry, calls, socket } = join(20, 5000);
  pass(10_000);
  entry.received += 300 * kibibyte;
  pass(50_000);
  expect(socket.data.seat.readBytes).toBe(300 * kibibyte);
  expect(grown()).toBe(300 * kibibyte);
  expect(calls).toEqual([]);
  pass(20_000);
  expect(calls.slice(0, 2)).toEqual(["resume", "close 4408 a message was not whole in time"]);
  expect(calls.at(-1)).toBe("terminate");
});

test("a client that is held has its time afterwards", () => {
  const { join } = watched();
  const { entry, calls, socket } = join(20, 5000);
  pass(10_000);
  entry.received += 300 * kibibyte;
  room.holds.hold(socket, "outbox");
  pass(300_000);
  room.holds.release(socket, "outbox");
  pass(50_000);
  expect(calls).toEqual(["pause", "resume"]);
});

test("what waits in the kernel is nothing that this process keeps", () => {
  const { join } = watched();
  const { entry, calls, socket } = join(20, 5000);
  pass(10_000);
  entry.received += 300 * kibibyte;
  entry.unread = 300 * kibibyte;
  pass(300_000);
  expect(socket.data.seat.readBytes).toBe(0);
  expect(calls).toEqual([]);
});

test("a file descriptor is not confused with that of the client that had it before", () => {
  const { join, leave } = watched();
  const first = join(20, 5000);
  pass(10_000);
  first.entry.received += 300 * kibibyte;
  pass(10_000);
  leave(20, first.socket);
  const second = join(20, 5001);
  pass(10_000);
  expect(second.socket.data.seat.readBytes).toBe(0);
  second.entry.received += 200 * kibibyte;
  pass(10_000);
  expect(second.socket.data.seat.readBytes).toBe(200 * kibibyte);
});

test("a client whose file descriptor cannot be found does not make it ask without end", () => {
  const { kernel, join } = watched();
  join(20, 5000);
  kernel.sockets.clear();
  pass(60_000);
  // Each time some thousands, and then not for some seconds.
  expect(kernel.askedCount).toBeLessThan(100_000);
});

test("a client that has just come is found within half a second, whoever is sought in vain besides", () => {
  const { kernel, join } = watched();
  join(20, 5000);
  kernel.sockets.clear();
  pass(10_000);
  // The search for the first one has just ended, and rests.
  const before = kernel.askedCount;
  while (kernel.askedCount === before) pass(250);
  pass(500);
  const { socket } = join(21, 5001);
  pass(500);
  expect(socket.data.seat.watched!.fd).toBe(21);
});
