import { expect, jest, test } from "bun:test";
import { Presence } from "../../../../src/gateway/limits/presence.ts";
import { makeRoom } from "./room.ts";

const { room, pass, client } = makeRoom();

/** As many as they are, each is visited in time. */
const crowd = 200;

test("clients that answer are pinged now and again, and stay", () => {
  const presence = new Presence(room.wheel, room.holds);
  const clients = Array.from({ length: crowd }, () => client());
  for (const { socket } of clients) presence.watch(socket);
  pass(180_000, () => {
    for (const { socket } of clients) presence.heard(socket);
  });
  for (const { calls } of clients) {
    expect(new Set(calls)).toEqual(new Set(["ping"]));
    expect(calls.length).toBe(10);
  }
});

test("clients that answer nothing are gone within a minute, and not before half of it", () => {
  const presence = new Presence(room.wheel, room.holds);
  const clients = Array.from({ length: crowd }, () => client());
  for (const { socket } of clients) presence.watch(socket);
  pass(18_000, () => {
    for (const { socket } of clients) presence.heard(socket);
  });
  pass(30_000);
  for (const { calls } of clients) expect(calls).not.toContain("terminate");
  pass(29_000);
  for (const { calls } of clients) expect(calls.at(-1)).toBe("terminate");
});

test("a client that is not read from is not taken for gone", () => {
  const presence = new Presence(room.wheel, room.holds);
  const { calls, socket } = client();
  presence.watch(socket);
  room.holds.hold(socket, "outbox");
  pass(600_000);
  expect(calls).toEqual(["pause"]);
  room.holds.release(socket, "outbox");
  pass(60_000);
  expect(calls.at(-1)).toBe("terminate");
});

test("a client that has left is not visited, and nothing is timed while there are none", () => {
  const presence = new Presence(room.wheel, room.holds);
  const { calls, socket } = client();
  presence.watch(socket);
  presence.forget(socket);
  presence.forget(socket);
  expect(jest.getTimerCount()).toBe(0);
  pass(60_000);
  expect(calls).toEqual([]);
});
