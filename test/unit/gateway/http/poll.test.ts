import { expect, test } from "bun:test";
import type { Server } from "bun";
import type { Client, ClientSocket } from "../../../../src/gateway/clients/client.ts";
import type { SocketEvents } from "../../../../src/gateway/clients/socket-events.ts";
import { Multicast } from "../../../../src/gateway/fan-out/multicast.ts";
import { type Outcome, Poll } from "../../../../src/gateway/http/poll.ts";
import { Settling } from "../../../../src/gateway/http/settling.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { until } from "../../../support/wait.ts";
import { turn } from "../../doubles/turn.ts";

const server = { timeout: () => undefined } as unknown as Server<Client>;

/** Polls of one manager, each for at most this time. */
function polls(waitMs: number) {
  const closed: number[] = [];
  const events = {
    opened: (socket: ClientSocket) => socket.subscribe("t"),
    closed: (_: unknown, code: number) => closed.push(code),
  } as unknown as SocketEvents;
  const loop = new LoopTime();
  const multicast = new Multicast(loop);
  const parts = {
    multicast,
    events,
    ends: new Settling(loop),
    waitMs,
    place: () => "7",
    isReading: () => false,
  };
  const begin = () => {
    const poll = new Poll({} as Client, () => "", parts);
    const outcome = poll.answer(new Request("http://here/topics/t"), server, 10);
    return { poll, outcome };
  };
  return { multicast, closed, begin };
}

/** How many of these become known in one turn of the event loop at most. Waits for all of them. */
async function mostInATurn(outcomes: readonly Promise<Outcome>[]): Promise<number> {
  let known = 0;
  for (const outcome of outcomes) void outcome.then(() => known++);
  let most = 0;
  for (let turns = 0; known < outcomes.length; turns++) {
    expect(turns).toBeLessThan(1_000_000);
    const before = known;
    await turn();
    most = Math.max(most, known - before);
  }
  return most;
}

test("what waits for a poll counts by its bytes, whatever its characters are", async () => {
  const { begin, closed } = polls(60_000);
  const { poll, outcome } = begin();
  poll.send("日".repeat(1000));
  expect(poll.getBufferedAmount()).toBe(3000);
  poll.receive(Buffer.from("é".repeat(1000)));
  expect(poll.getBufferedAmount()).toBe(5000);
  expect(await outcome).toEqual({ is: "lines", text: "日".repeat(1000) + "é".repeat(1000) });
  await until(() => closed.length === 1, "it is closed");
  expect(closed).toEqual([1005]);
});

test("hundreds of polls whose time is over together are answered in several turns of the event loop", async () => {
  const { begin } = polls(1);
  const outcomes = Array.from({ length: 500 }, () => begin().outcome);
  expect(await mostInATurn(outcomes)).toBeLessThanOrEqual(100);
  expect(await Promise.all(outcomes)).toEqual(
    Array.from({ length: 500 }, () => ({ is: "nothing", place: "7" })),
  );
});

test("hundreds of polls that get the same message are answered in several turns, with what comes meanwhile", async () => {
  const { multicast, begin } = polls(60_000);
  const outcomes = Array.from({ length: 500 }, () => begin().outcome);
  multicast.publish("t", "1");
  expect(await mostInATurn(outcomes)).toBeLessThanOrEqual(100);
  for (const outcome of outcomes) expect(await outcome).toEqual({ is: "lines", text: "1" });
});

test("a poll whose client goes before its turn is answered with nothing", async () => {
  const { begin, closed } = polls(60_000);
  const { poll, outcome } = begin();
  poll.send("1");
  poll.terminate();
  expect(await outcome).toEqual({ is: "nothing", place: undefined });
  await turn();
  expect(closed).toEqual([1006]);
});
