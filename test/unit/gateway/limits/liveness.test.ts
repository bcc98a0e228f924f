import { describe, expect, jest, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Roster } from "../../../../src/gateway/clients/roster.ts";
import type { Watched } from "../../../../src/gateway/clients/seat.ts";
import { Liveness } from "../../../../src/gateway/limits/liveness.ts";
import { optionTable } from "../../../../src/options/table.ts";
import { makeRoom } from "./room.ts";

const { room, pass, client } = makeRoom();

const defaultMs = optionTable.pingIntervalMs.default;

function livenessOf(clients: readonly ClientSocket[], pingIntervalMs: number = defaultMs) {
  const roster = new Roster();
  const liveness = new Liveness({ pingIntervalMs }, room.wheel, room.holds, roster);
  for (const socket of clients) {
    roster.add(socket);
    liveness.joined();
  }
  return { liveness, roster };
}

/** As many as they are, each is visited in time. */
const crowd = 200;

test("clients that answer are pinged now and again, and stay", () => {
  const clients = Array.from({ length: crowd }, () => client());
  const { liveness } = livenessOf(clients.map(({ socket }) => socket));
  pass(180_000, () => {
    for (const { socket } of clients) liveness.heard(socket);
  });
  for (const { calls } of clients) {
    expect(new Set(calls)).toEqual(new Set(["ping"]));
    expect(calls.length).toBe(10);
  }
});

test("clients that answer nothing are gone within a minute, and not before half of it", () => {
  const clients = Array.from({ length: crowd }, () => client());
  const { liveness } = livenessOf(clients.map(({ socket }) => socket));
  pass(18_000, () => {
    for (const { socket } of clients) liveness.heard(socket);
  });
  pass(30_000);
  for (const { calls } of clients) expect(calls).not.toContain("terminate");
  pass(29_000);
  for (const { calls } of clients) expect(calls.at(-1)).toBe("terminate");
});

test.each([1000, 5000, 18_000, 50_000, 600_000])(
  "clients are pinged at least every %d ms, and hardly more often, if that is asked for",
  (pingIntervalMs) => {
    const clients = Array.from({ length: crowd }, () => client());
    const { liveness } = livenessOf(
      clients.map(({ socket }) => socket),
      pingIntervalMs,
    );
    pass(12 * pingIntervalMs, () => {
      for (const { socket } of clients) liveness.heard(socket);
    });
    for (const { calls } of clients) {
      expect(new Set(calls)).toEqual(new Set(["ping"]));
      expect(calls.length).toBeWithin(12, 18);
    }
  },
);

test("a client that is not read from is not taken for gone", () => {
  const { calls, socket } = client();
  livenessOf([socket]);
  room.holds.hold(socket, "outbox");
  pass(600_000);
  expect(calls).toEqual(["pause"]);
  room.holds.release(socket, "outbox");
  pass(60_000);
  expect(calls.at(-1)).toBe("terminate");
});

describe("a client that answers no ping, and may read as slowly as it likes,", () => {
  /** What the kernel tells of the connection of one client, which is heard for a minute and then no more. */
  function silentClient(kernel: { taken: number | undefined; isAnswered: boolean }, isPatient = true) {
    const { calls, socket } = client();
    Object.assign(socket.data, { isPatient });
    socket.data.seat.watched = { fd: 7, taken: 0, takenBefore: 0 } as Watched;
    const roster = new Roster();
    const sockets = { taken: () => kernel.taken, isAnswered: () => kernel.isAnswered };
    const liveness = new Liveness({ pingIntervalMs: defaultMs }, room.wheel, room.holds, roster, sockets);
    roster.add(socket);
    liveness.joined();
    pass(60_000, () => liveness.heard(socket));
    const isGone = () => calls.includes("terminate");
    expect(isGone()).toBe(false);
    return { liveness, socket, isGone };
  }
  const kibibyte = 1024;

  test("stays while it has much to read and its system answers", () => {
    const kernel = { taken: 3 * kibibyte, isAnswered: true };
    const { isGone, liveness, socket } = silentClient(kernel);
    kernel.taken += 20 * kibibyte;
    pass(3_600_000);
    expect(isGone()).toBe(false);
    // It has read all of it, and gets nothing more.
    pass(60_000, () => liveness.heard(socket));
    pass(100_000);
    expect(isGone()).toBe(true);
  });

  test("stays if it had got that shortly before it was heard last", () => {
    const kernel = { taken: 0, isAnswered: true };
    const { isGone, liveness, socket } = silentClient(kernel);
    kernel.taken = 5000 * kibibyte;
    liveness.heard(socket);
    pass(3_600_000);
    expect(isGone()).toBe(false);
  });

  test("is gone when its system answers no more", () => {
    const kernel = { taken: 0, isAnswered: true };
    const { isGone } = silentClient(kernel);
    kernel.taken = 5000 * kibibyte;
    pass(3_600_000);
    kernel.isAnswered = false;
    pass(18_000);
    expect(isGone()).toBe(true);
  });

  test.each([
    ["has little to read", 10 * kibibyte, true],
    ["is not known to have got anything", undefined, true],
    ["has live subscriptions", 5000 * kibibyte, false],
  ])("is gone within a minute if it %s", (_, more, isPatient) => {
    const kernel: { taken: number | undefined; isAnswered: boolean } = { taken: 0, isAnswered: true };
    const { isGone } = silentClient(kernel, isPatient);
    kernel.taken = more;
    pass(60_000);
    expect(isGone()).toBe(true);
  });
});

test("a client that has left is not visited, and nothing is timed while there are none", () => {
  const { calls, socket } = client();
  const { liveness, roster } = livenessOf([socket]);
  roster.delete(socket);
  liveness.left();
  expect(jest.getTimerCount()).toBe(0);
  pass(60_000);
  expect(calls).toEqual([]);
});

test("a client that has been written all that waited for it by its ping goes on, though Bun tells nothing of that", () => {
  const { socket, calls } = client();
  let waitingBytes = 18_000;
  const drained: number[] = [];
  const ping = socket.ping.bind(socket);
  Object.assign(socket, {
    getBufferedAmount: () => waitingBytes,
    ping() {
      ping();
      // The kernel has no room at first.
      if (calls.length > 1) waitingBytes = 0;
    },
  });
  Object.assign(socket.data, { drained: () => drained.push(calls.length) });
  const { liveness } = livenessOf([socket]);
  pass(72_000, () => liveness.heard(socket));
  expect(calls.length).toBeGreaterThanOrEqual(3);
  expect(drained).toEqual([2]);
});
