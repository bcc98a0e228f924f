import { expect, test } from "bun:test";
import { Backpressure } from "../../../src/gateway/backpressure.ts";
import type { ClientSocket } from "../../../src/gateway/client.ts";

function socket() {
  const calls: string[] = [];
  const double = { pause: () => calls.push("pause"), resume: () => calls.push("resume") };
  return { calls, socket: double as unknown as ClientSocket };
}

test("a client is held back once, however much it had sent already, and let go once", () => {
  const backpressure = new Backpressure();
  const { calls, socket: client } = socket();
  backpressure.hold(client);
  backpressure.hold(client);
  expect(backpressure.heldCount).toBe(1);
  backpressure.release();
  backpressure.release();
  expect(calls).toEqual(["pause", "resume"]);
  expect(backpressure.heldCount).toBe(0);
});

test("a client can be held back again", () => {
  const backpressure = new Backpressure();
  const { calls, socket: client } = socket();
  for (let i = 0; i < 2; i++) {
    backpressure.hold(client);
    backpressure.release();
  }
  expect(calls).toEqual(["pause", "resume", "pause", "resume"]);
});

test("a client that has gone is not touched any more", () => {
  const backpressure = new Backpressure();
  const { calls, socket: client } = socket();
  backpressure.hold(client);
  backpressure.forget(client);
  backpressure.release();
  expect(calls).toEqual(["pause"]);
  expect(backpressure.heldCount).toBe(0);
});
