import { expect, jest, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Roster } from "../../../../src/gateway/clients/roster.ts";
import { Presence } from "../../../../src/gateway/limits/presence.ts";
import { optionTable } from "../../../../src/options/table.ts";
import { makeRoom } from "./room.ts";

const { room, pass, client } = makeRoom();

const defaultMs = optionTable.pingIntervalMs.default;

function presenceOf(clients: readonly ClientSocket[], pingIntervalMs: number = defaultMs) {
  const roster = new Roster();
  const presence = new Presence({ pingIntervalMs }, room.wheel, room.holds, roster);
  for (const socket of clients) {
    roster.add(socket);
    presence.joined();
  }
  return { presence, roster };
}

/** As many as they are, each is visited in time. */
const crowd = 200;

test("clients that answer are pinged now and again, and stay", () => {
  const clients = Array.from({ length: crowd }, () => client());
  const { presence } = presenceOf(clients.map(({ socket }) => socket));
  pass(180_000, () => {
    for (const { socket } of clients) presence.heard(socket);
  });
  for (const { calls } of clients) {
    expect(new Set(calls)).toEqual(new Set(["ping"]));
    expect(calls.length).toBe(10);
  }
});

test("clients that answer nothing are gone within a minute, and not before half of it", () => {
  const clients = Array.from({ length: crowd }, () => client());
  const { presence } = presenceOf(clients.map(({ socket }) => socket));
  pass(18_000, () => {
    for (const { socket } of clients) presence.heard(socket);
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
    const { presence } = presenceOf(
      clients.map(({ socket }) => socket),
      pingIntervalMs,
    );
    pass(12 * pingIntervalMs, () => {
      for (const { socket } of clients) presence.heard(socket);
    });
    for (const { calls } of clients) {
      expect(new Set(calls)).toEqual(new Set(["ping"]));
      expect(calls.length).toBeWithin(12, 18);
    }
  },
);

test("a client that is not read from is not taken for gone", () => {
  const { calls, socket } = client();
  presenceOf([socket]);
  room.holds.hold(socket, "outbox");
  pass(600_000);
  expect(calls).toEqual(["pause"]);
  room.holds.release(socket, "outbox");
  pass(60_000);
  expect(calls.at(-1)).toBe("terminate");
});

test("a client that has left is not visited, and nothing is timed while there are none", () => {
  const { calls, socket } = client();
  const { presence, roster } = presenceOf([socket]);
  roster.delete(socket);
  presence.left();
  expect(jest.getTimerCount()).toBe(0);
  pass(60_000);
  expect(calls).toEqual([]);
});
