import { expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Receipts } from "../../../../src/gateway/clients/receipts.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { turn } from "../../doubles/turn.ts";

const socketThat = (cork: (send: () => void) => void) => ({ cork }) as ClientSocket;
const open = socketThat((send) => send());

/** Ten microseconds pass with each receipt. */
function clocked() {
  let nowMs = 0;
  const told: number[] = [];
  const receipts = new Receipts(new LoopTime(() => nowMs));
  const tell = (number: number, socket = open, bytes = 100) =>
    receipts.tell(socket, bytes, () => {
      nowMs += 0.01;
      told.push(number);
    });
  return { receipts, told, tell };
}

test("few receipts are sent as they are known, and thousands that one confirm is for in some milliseconds of each turn", async () => {
  const { receipts, told, tell } = clocked();
  for (let number = 0; number < 16_384; number++) tell(number);
  const atOnce = told.length;
  expect(atOnce).toBeLessThan(500);
  await turn();
  expect(told.length - atOnce).toBeLessThan(600);
  for (let turns = 0; turns < 100 && !receipts.isEmpty; turns++) await turn();
  expect(told).toEqual(Array.from({ length: 16_384 }, (_, number) => number));
  tell(16_384);
  expect(told.at(-1)).toBe(16_384);
});

test("what is known later is not told before what waits", async () => {
  const { told, tell } = clocked();
  for (let number = 0; number < 1000; number++) tell(number);
  await turn();
  tell(1000);
  expect(told).not.toContain(1000);
  for (let turns = 0; turns < 10; turns++) await turn();
  expect(told).toEqual(Array.from({ length: 1001 }, (_, number) => number));
});

test("what is kept for receipts that wait is bounded: the oldest are sent sooner", () => {
  const { told, tell } = clocked();
  for (let number = 0; number < 4096; number++) tell(number, open, 8192);
  // 8 MiB wait at most.
  expect(told.length).toBeGreaterThanOrEqual(4096 - 1024);
});

test("a socket that is closed and does not call back stops nobody", async () => {
  const { receipts, told, tell } = clocked();
  const closed = socketThat(() => undefined);
  for (let number = 0; number < 300; number++) tell(number);
  tell(300, closed);
  tell(301);
  await turn();
  expect(receipts.isEmpty).toBe(true);
  expect(told.slice(-2)).toEqual([300, 301]);
});

test("all are told at once where the manager stops", () => {
  const { receipts, told, tell } = clocked();
  for (let number = 0; number < 1000; number++) tell(number);
  receipts.tellAll();
  expect(told).toHaveLength(1000);
});
