import { expect, jest, test } from "bun:test";
import { Haste } from "../../../../../src/broker/rabbitmq/connection/haste.ts";
import { ReadCoalescing, ReadGate } from "../../../../../src/broker/rabbitmq/frames/read-coalescing.ts";
import { makeFakeClock } from "../../../doubles/fake-clock.ts";

const clock = makeFakeClock();
const following = 3;

/** Pauses of `patienceMs` on a socket, a second after its connection was opened. */
function makeCoalescing(patienceMs = 100) {
  const events: string[] = [];
  const handle = { pause: () => events.push("pause"), resume: () => events.push("resume") };
  const told: string[] = [];
  const coalescing = new ReadCoalescing(handle, {
    channel: following,
    patienceMs: () => patienceMs,
    pausing: (ms) => told.push(`pausing ${ms}`),
    hurried: () => told.push("hurried"),
  });
  clock.step(1000);
  return { coalescing, events, told };
}

test("reading pauses after each read while only deliveries of that channel come", () => {
  const { coalescing, events } = makeCoalescing();
  coalescing.came(following);
  coalescing.read(1000);
  expect(events).toEqual(["pause"]);
  clock.step(99);
  expect(events).toEqual(["pause"]);
  clock.step(1);
  expect(events).toEqual(["pause", "resume"]);
});

test("a socket that several have paused is read from when the last of them goes on, and paused once", () => {
  const events: string[] = [];
  const gate = ReadGate.of({ pause: () => events.push("pause"), resume: () => events.push("resume") })!;
  gate.pause();
  gate.pause();
  gate.resume();
  expect(events).toEqual(["pause"]);
  gate.resume();
  gate.pause();
  expect(events).toEqual(["pause", "resume", "pause"]);
  expect(ReadGate.of(undefined)).toBeUndefined();
  expect(ReadGate.of({ pause: () => undefined })).toBeUndefined();
});

test("without patience everything is read at once", () => {
  const { coalescing, events, told } = makeCoalescing(0);
  coalescing.read(1000);
  expect(events).toEqual([]);
  expect(told).toEqual(["hurried"]);
});

test("the reader is told when a pause begins, and when reading is urgent again", () => {
  const { coalescing, told, events } = makeCoalescing();
  coalescing.read(1000);
  expect(told).toEqual(["pausing 100"]);
  clock.step(100);
  coalescing.read(1000);
  coalescing.wake();
  expect(told).toEqual(["pausing 100", "pausing 100", "hurried"]);
  coalescing.wake();
  expect(told).toEqual(["pausing 100", "pausing 100", "hurried", "hurried"]);
  coalescing.end();
  coalescing.wake();
  expect(told.length).toBe(4);
  expect(events).toEqual(["pause", "resume", "pause", "resume"]);
});

test("the pause is shorter after many deliveries, since RabbitMQ stops at the number that is not acknowledged", () => {
  const { coalescing, told } = makeCoalescing();
  for (let count = 0; count < 400; count++) coalescing.came(following);
  coalescing.read(1000);
  clock.step(25);
  coalescing.came(following);
  coalescing.read(1000);
  expect(told).toEqual(["pausing 25", "pausing 100"]);
  coalescing.end();
});

test("reading does not pause for a second after a frame on another channel", () => {
  const { coalescing, events } = makeCoalescing();
  coalescing.came(following + 1);
  coalescing.read(1000);
  clock.step(999);
  coalescing.read(1000);
  expect(events).toEqual([]);
  clock.step(1);
  coalescing.read(1000);
  expect(events).toEqual(["pause"]);
  coalescing.end();
});

test("the pause is shorter after many bytes, so that the sender is not slowed down", () => {
  const { coalescing, events } = makeCoalescing();
  coalescing.read(4 * 1024 * 1024);
  clock.step(25);
  expect(events).toEqual(["pause", "resume"]);
  coalescing.read(256 * 1024 * 1024);
  expect(events).toEqual(["pause", "resume"]);
});

test("a pause ends when it is woken, and when the connection ends, so that the last frames of RabbitMQ are read", () => {
  const { coalescing, events } = makeCoalescing();
  coalescing.read(1000);
  coalescing.wake();
  expect(events).toEqual(["pause", "resume"]);
  coalescing.read(1000);
  coalescing.end();
  coalescing.read(1000);
  expect(events).toEqual(["pause", "resume", "pause", "resume"]);
  expect(jest.getTimerCount()).toBe(0);
});

test("publishing ends the pause, and no pause begins for a second, since an answer may come", () => {
  const haste = new Haste();
  let woken = 0;
  const unheard = haste.onPublished(() => void woken++);
  expect(haste.isOn(performance.now())).toBe(false);
  haste.published();
  expect(woken).toBe(1);
  clock.step(999);
  expect(haste.isOn(performance.now())).toBe(true);
  clock.step(1);
  expect(haste.isOn(performance.now())).toBe(false);
  unheard();
  haste.published();
  expect(woken).toBe(1);
});
