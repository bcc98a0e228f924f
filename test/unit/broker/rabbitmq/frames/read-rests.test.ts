import { expect, jest, test } from "bun:test";
import { Haste } from "../../../../../src/broker/rabbitmq/connection/haste.ts";
import { ReadRests } from "../../../../../src/broker/rabbitmq/frames/read-rests.ts";
import { makeFakeClock } from "../../../doubles/fake-clock.ts";

const clock = makeFakeClock();
const following = 3;

/** A socket, and rests of `patienceMs` on it, a second after the connection was opened. */
function rested(patienceMs = 100) {
  const events: string[] = [];
  const handle = { pause: () => events.push("pause"), resume: () => events.push("resume") };
  const told: string[] = [];
  const rests = new ReadRests(handle, {
    channel: following,
    patienceMs: () => patienceMs,
    resting: (ms) => told.push(`resting ${ms}`),
    hurried: () => told.push("hurried"),
  });
  clock.step(1000);
  return { rests, events, told };
}

test("a socket over which nothing comes but what nobody wants is left alone between reads", () => {
  const { rests, events } = rested();
  rests.came(following);
  rests.read(1000);
  expect(events).toEqual(["pause"]);
  clock.step(99);
  expect(events).toEqual(["pause"]);
  clock.step(1);
  expect(events).toEqual(["pause", "resume"]);
});

test("what has no time is read at once", () => {
  const { rests, events, told } = rested(0);
  rests.read(1000);
  expect(events).toEqual([]);
  expect(told).toEqual(["hurried"]);
});

test("it is told when a rest begins, and when nothing is to rest any more", () => {
  const { rests, told, events } = rested();
  rests.read(1000);
  expect(told).toEqual(["resting 100"]);
  clock.step(100);
  rests.read(1000);
  rests.wake();
  expect(told).toEqual(["resting 100", "resting 100", "hurried"]);
  rests.wake();
  expect(told).toEqual(["resting 100", "resting 100", "hurried", "hurried"]);
  rests.end();
  rests.wake();
  expect(told.length).toBe(4);
  expect(events).toEqual(["pause", "resume", "pause", "resume"]);
});

test("the more deliveries have come, the shorter it rests: the sender sends no more than some before they are acknowledged", () => {
  const { rests, told } = rested();
  for (let count = 0; count < 400; count++) rests.came(following);
  rests.read(1000);
  clock.step(25);
  rests.came(following);
  rests.read(1000);
  expect(told).toEqual(["resting 25", "resting 100"]);
  rests.end();
});

test("for a second after a frame on another channel nothing rests", () => {
  const { rests, events } = rested();
  rests.came(following + 1);
  rests.read(1000);
  clock.step(999);
  rests.read(1000);
  expect(events).toEqual([]);
  clock.step(1);
  rests.read(1000);
  expect(events).toEqual(["pause"]);
  rests.end();
});

test("the more has come, the shorter it rests, so that the sender is not slowed down", () => {
  const { rests, events } = rested();
  rests.read(4 * 1024 * 1024);
  clock.step(25);
  expect(events).toEqual(["pause", "resume"]);
  rests.read(256 * 1024 * 1024);
  expect(events).toEqual(["pause", "resume"]);
});

test("a rest ends when it is woken, and for good when the connection ends: what RabbitMQ says last is read", () => {
  const { rests, events } = rested();
  rests.read(1000);
  rests.wake();
  expect(events).toEqual(["pause", "resume"]);
  rests.read(1000);
  rests.end();
  rests.read(1000);
  expect(events).toEqual(["pause", "resume", "pause", "resume"]);
  expect(jest.getTimerCount()).toBe(0);
});

test("who publishes waits for an answer: rests are woken, and none begins for a second", () => {
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
