import { expect, test } from "bun:test";
import { takenBack } from "../../../../src/broker/rabbitmq/taking-back.ts";

/** Waits for a queue that has as many consumers as the test says at each moment. */
async function waitFor(consumersAt: (ms: number) => number) {
  let nowMs = 0;
  const askedAt: number[] = [];
  const channel = {
    checkQueue: (queue: string) => {
      askedAt.push(nowMs);
      return Promise.resolve({ queue, messageCount: 0, consumerCount: consumersAt(nowMs) });
    },
  };
  await takenBack(channel, "queue", (ms) => {
    nowMs += ms;
    return Promise.resolve();
  });
  return { waitedMs: nowMs, askedAt };
}

test("a queue without consumers gets half a second to find out that it had one", async () => {
  expect(await waitFor(() => 0)).toEqual({ waitedMs: 500, askedAt: [500] });
});

test("a queue that still has the old consumer is asked until it is gone", async () => {
  const { waitedMs, askedAt } = await waitFor((ms) => (ms < 800 ? 1 : 0));
  expect(waitedMs).toBe(800);
  expect(askedAt).toEqual([500, 600, 700, 800]);
});

test("a queue that has other consumers, too, is not waited for any longer than that may take", async () => {
  expect((await waitFor(() => 2)).waitedMs).toBe(3000);
});
