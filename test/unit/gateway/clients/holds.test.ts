import { expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Holds } from "../../../../src/gateway/clients/holds.ts";

function socket() {
  const calls: string[] = [];
  const double = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  return { calls, socket: double as unknown as ClientSocket };
}

test("a client is held back once, however much it had sent already, and let go once", () => {
  const holds = new Holds();
  const { calls, socket: client } = socket();
  holds.hold(client, "outbox");
  holds.hold(client, "outbox");
  expect(holds.countOf("outbox")).toBe(1);
  holds.release(client, "outbox");
  holds.release(client, "outbox");
  expect(calls).toEqual(["pause", "resume"]);
  expect(holds.countOf("outbox")).toBe(0);
});

test("a client can be held back again", () => {
  const holds = new Holds();
  const { calls, socket: client } = socket();
  for (let i = 0; i < 2; i++) {
    holds.hold(client, "outbox");
    holds.release(client, "outbox");
  }
  expect(calls).toEqual(["pause", "resume", "pause", "resume"]);
});

test("a client that is held back for two reasons is let go with the second", () => {
  const holds = new Holds();
  const { calls, socket: client } = socket();
  holds.hold(client, "outbox");
  holds.hold(client, "rate");
  expect([holds.countOf("outbox"), holds.countOf("rate")]).toEqual([1, 1]);
  holds.release(client, "outbox");
  expect(holds.has(client)).toBe(true);
  expect(calls).toEqual(["pause"]);
  holds.release(client, "rate");
  expect(holds.has(client)).toBe(false);
  expect(calls).toEqual(["pause", "resume"]);
});

test("the client that was held the longest is the first", () => {
  const holds = new Holds();
  const [one, other] = [socket(), socket()];
  expect(holds.firstOf("outbox")).toBeUndefined();
  holds.hold(one.socket, "outbox");
  holds.hold(other.socket, "outbox");
  holds.hold(one.socket, "outbox");
  expect(holds.firstOf("outbox")).toBe(one.socket);
  holds.release(one.socket, "outbox");
  expect(holds.firstOf("outbox")).toBe(other.socket);
});

test("letting one client go leaves the others held back", () => {
  const holds = new Holds();
  const [one, other] = [socket(), socket()];
  holds.hold(one.socket, "rate");
  holds.hold(other.socket, "rate");
  holds.release(one.socket, "rate");
  holds.release(one.socket, "outbox");
  expect(one.calls).toEqual(["pause", "resume"]);
  expect(other.calls).toEqual(["pause"]);
});

test("a client that is held for good stays held", () => {
  const holds = new Holds();
  const { calls, socket: client } = socket();
  holds.hold(client, "outbox");
  holds.holdForGood([client]);
  holds.release(client, "outbox");
  expect(holds.has(client)).toBe(true);
  expect(calls).not.toContain("resume");
});

test("a client that has gone is not touched any more", () => {
  const holds = new Holds();
  const { calls, socket: client } = socket();
  holds.hold(client, "outbox");
  holds.forget(client);
  holds.release(client, "outbox");
  expect(calls).toEqual(["pause"]);
  expect(holds.countOf("outbox")).toBe(0);
});
