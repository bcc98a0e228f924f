import { describe, expect, jest, test } from "bun:test";
import { MessageRate, type MessageRateOptions } from "../../../../src/gateway/limits/message-rate.ts";
import { makeRoom } from "./room.ts";

const { room, pass, client } = makeRoom();

/** A client that sends whenever it is read from. */
function sender(options: Partial<MessageRateOptions>, length = 1) {
  const rate = new MessageRate(
    { maxMessagesPerSecond: 100, maxBytesPerSecond: 0, floodTimeoutMs: 30_000, ...options },
    room.wheel,
    room.holds,
  );
  const { calls, socket } = client();
  // Other clients keep the wheel turning.
  room.wheel.add({ due: () => 250 }, 250);
  const counter = { sent: 0 };
  return {
    calls,
    counter,
    socket,
    send(messages: number) {
      for (let i = 0; i < messages && !room.holds.has(socket); i++) {
        rate.count(socket, 1, length);
        counter.sent++;
      }
    },
    rate,
    lift: () => rate.lift(),
    isRefused: () => rate.refuses(socket),
    /** Bun hands over what it has read, whatever is paused. */
    sendAnyway(messages: number) {
      for (let i = 0; i < messages; i++) rate.count(socket, 1, length);
    },
  };
}

test("a client that keeps to its rate is never held back", () => {
  const { calls, send } = sender({});
  send(100);
  pass(60_000, () => send(25));
  expect(calls).toEqual([]);
});

test("a client that sends more gets its rate, by being held back", () => {
  const { counter, send, calls } = sender({ floodTimeoutMs: 0 });
  pass(10_000, () => send(1000));
  expect(counter.sent).toBeGreaterThanOrEqual(1000);
  expect(counter.sent).toBeLessThan(1200);
  expect(calls).toContain("pause");
  expect(calls).not.toContain("close");
});

test("bytes count as messages do, and one that is larger than a second's worth is only waited for", () => {
  const { calls, counter, send } = sender({ maxMessagesPerSecond: 0, maxBytesPerSecond: 1000 }, 5000);
  send(10);
  expect(counter.sent).toBe(1);
  pass(3500);
  expect(calls).toEqual(["pause"]);
  pass(1000);
  expect(calls).toEqual(["pause", "resume"]);
});

test("what comes from a client that is held back already makes it wait longer", () => {
  const { calls, sendAnyway } = sender({});
  sendAnyway(1100);
  pass(9750);
  expect(calls).toEqual(["pause"]);
  pass(500);
  expect(calls).toEqual(["pause", "resume"]);
  expect(room.holds.countOf("rate")).toBe(0);
});

test("a client that sends at once what takes longer to wait for than it may flood is not listened to, and closed then", () => {
  const { calls, isRefused, sendAnyway } = sender({ floodTimeoutMs: 5000 });
  sendAnyway(599);
  expect([isRefused(), ...calls]).toEqual([false, "pause"]);
  sendAnyway(1);
  expect([isRefused(), ...calls]).toEqual([true, "pause"]);
  pass(4500);
  expect(calls).toEqual(["pause"]);
  pass(1000);
  expect(calls.at(-1)).toBe("close 4429 too many messages for too long");
});

test("a client that floods for long is closed with the code for it, and is read from till then", () => {
  const { calls, send } = sender({ floodTimeoutMs: 5000 });
  pass(4500, () => send(1000));
  expect(calls.some((call) => call.startsWith("close"))).toBe(false);
  pass(1500, () => {
    if (!calls.some((call) => call.startsWith("close"))) send(1000);
  });
  expect(calls.slice(-2)).toEqual(["resume", "close 4429 too many messages for too long"]);
});

test("a client that rests now and again is never closed", () => {
  const { calls, send } = sender({ floodTimeoutMs: 5000 });
  for (let i = 0; i < 20; i++) {
    pass(3000, () => send(1000));
    pass(2000);
  }
  expect(calls).toContain("pause");
  expect(calls.some((call) => call.startsWith("close"))).toBe(false);
});

test("nothing is timed for clients that nobody holds back", () => {
  const { send } = sender({});
  send(1000);
  pass(60_000);
  expect(room.holds.countOf("rate")).toBe(0);
  expect(jest.getTimerCount()).toBe(1);
});

test("nobody is held back any more once the rate is lifted", () => {
  const { calls, send, lift, sendAnyway } = sender({});
  send(101);
  expect(calls).toEqual(["pause"]);
  lift();
  expect(calls).toEqual(["pause", "resume"]);
  sendAnyway(1000);
  expect(calls).toEqual(["pause", "resume"]);
});

test("a client that waits to be closed for its flood is not let go on when the rate is lifted", () => {
  const { calls, lift, sendAnyway, isRefused } = sender({ floodTimeoutMs: 1000 });
  sendAnyway(1000);
  lift();
  expect(isRefused()).toBe(true);
  expect(calls).toEqual(["pause"]);
});

describe("pings, and pongs that nobody asked for", () => {
  test("are taken as long as there are not a thousand in a second", () => {
    const { rate, socket, calls } = sender({ maxMessagesPerSecond: 0 });
    pass(10_000, () => {
      for (let count = 0; count < 250; count++) rate.countControl(socket, 0);
    });
    expect(calls).toEqual([]);
  });

  test("close the client at once when there are more, while the rest of what was read from it is handed over", () => {
    const { rate, socket, calls } = sender({ maxMessagesPerSecond: 0, floodTimeoutMs: 0 });
    for (let count = 0; count < 1000; count++) rate.countControl(socket, 0);
    expect(calls).toEqual([]);
    for (let count = 0; count < 1000; count++) rate.countControl(socket, 0);
    expect(calls.filter((call) => call.startsWith("close"))).toHaveLength(1);
  });
});
