import { afterEach, beforeEach, expect, jest, spyOn, test } from "bun:test";
import { EventEmitter } from "node:events";
import type { ConfirmChannel } from "amqplib";
import { Checking } from "../../../../../src/broker/rabbitmq/publishing/checking.ts";

/** Fake timers leave the clock alone, so what it says is told here. */
let nowMs = 0;
let clock: ReturnType<typeof spyOn>;
let checking: Checking;
let asked: number[];
let isAwaited: boolean;
let channel: EventEmitter;

beforeEach(() => {
  jest.useFakeTimers();
  nowMs = 10_000;
  clock = spyOn(performance, "now").mockImplementation(() => nowMs);
  asked = [];
  isAwaited = false;
  channel = Object.assign(new EventEmitter(), { ch: 1, reply: null });
  const needed = { exchanges: ["x"], queues: [] } as const;
  checking = new Checking(channel as unknown as ConfirmChannel, {
    needed: () => needed,
    missedForMs: 300,
    isAwaited: () => isAwaited,
    confirmed: () => undefined,
    write: () => void asked.push(nowMs),
    looked: () => undefined,
  });
  checking.ask();
  asked = [];
});

afterEach(() => {
  checking.end();
  clock.mockRestore();
  jest.useRealTimers();
});

test("a confirm that somebody waits for is checked 5 ms after the check before", () => {
  isAwaited = true;
  confirm();
  pass(4);
  expect(asked).toEqual([]);
  pass(1);
  expect(asked).toEqual([10_005]);
});

test("confirms that nobody waits for are checked together, 25 ms after the check before", () => {
  for (let count = 0; count < 24; count++) {
    confirm();
    pass(1);
  }
  expect(asked).toEqual([]);
  pass(1);
  expect(asked).toEqual([10_025]);
  pass(20);
  expect(asked).toEqual([10_025]);
});

test("a confirm that somebody waits for is not kept waiting by those before it that nobody waits for", () => {
  confirm();
  pass(2);
  isAwaited = true;
  confirm();
  pass(2);
  isAwaited = false;
  confirm();
  expect(asked).toEqual([]);
  pass(1);
  expect(asked).toEqual([10_005]);
});

test("a confirm after a pause is checked at once, whoever waits for it", () => {
  pass(50);
  confirm();
  pass(0);
  expect(asked).toEqual([10_050]);
});

function confirm(): void {
  channel.emit("ack", { deliveryTag: 1, multiple: false });
}

function pass(ms: number): void {
  for (let passed = 0; passed < ms; passed++) {
    nowMs++;
    jest.advanceTimersByTime(1);
  }
  if (ms === 0) jest.advanceTimersByTime(1);
}
