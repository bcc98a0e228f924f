import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import type { Encoding } from "../../../../src/gateway/fan-out/encoding.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { rounds } from "../../doubles/rounds.ts";
import { turn } from "../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { recordOf, ScriptedLog } from "./scripted-log.ts";
import { play, step, World } from "./world.ts";

setDefaultTimeout(integrationTimeoutMs);

const stomp = stompEncoding("1.2");
const messageCount = 100;
const clientCount = 100;
/** How many frames are made in a slice: each takes a hundredth of its two milliseconds, and the clock is looked at now and then. */
const inSliceMax = 100 + 16;

/** Durable subscriptions with ids of their own on one record of many messages, by a clock that only the making of frames moves. */
function crowd(isInMemory: boolean) {
  const clock = { ms: 0, frames: 0 };
  const encoding: Encoding = {
    ...stomp,
    join: (head, tail) => {
      clock.frames++;
      clock.ms += 0.02;
      return stomp.join(head, tail);
    },
  };
  const log = new ScriptedLog(0);
  const shared = {
    read: log.read.bind(log),
    mark: log.answerMark,
    recordBytesMax: 1024 ** 2,
    ...nothingRepeated(),
  };
  const loop = new LoopTime(() => clock.ms);
  const backoff = { firstMs: 1, mostMs: 2 };
  const durables = new Durables(shared, new Relay(), 1e9, backoff, plainOutlet, undefined, loop);
  const entry = log.append(Array<string>(messageCount).fill("a"), 0);
  if (isInMemory) durables.logged(recordOf(entry));
  else durables.marked(log.mark());
  const clients = Array.from({ length: clientCount }, (_, index) => {
    const client = new ScriptedClient();
    const said = {
      clientId: "c",
      subscriptionId: `${index}`,
      encoding,
      pattern: index % 2 === 0 ? "#" : "a",
    };
    durables.add({ socket: client.socket, ...said, start: "first", onSubscribed: () => undefined });
    return client;
  });
  return { clock, durables, clients };
}

for (const isInMemory of [true, false])
  test(`a record of many messages for many subscriptions is read by turns ${isInMemory ? "from memory" : "from the broker"}, and all get it once and in order`, async () => {
    const { clock, durables, clients } = crowd(isInMemory);
    for (let turns = 0; durables.counts.atEnd < clientCount; turns++) {
      expect(turns).toBeLessThan(1000);
      const before = clock.frames;
      await turn();
      expect(clock.frames - before).toBeLessThanOrEqual(inSliceMax);
    }
    expect(clock.frames).toBe(messageCount * clientCount);
    const expected = Array.from({ length: messageCount }, (_, index) => `${index}`);
    for (const client of clients) expect(client.texts).toEqual(expected);
    durables.close();
  });

test("whatever happens while a record is read by turns, everything comes once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 80 }),
      fc.constantFrom(1_000, 20_000, 4_000_000),
      fc.constantFrom(0.1, 0.35),
      async (steps, windowBytes, lookMs) => {
        // Each look at the clock takes a while, so that slices are soon over.
        let nowMs = 0;
        const world = new World(windowBytes, 5, undefined, () => {
          nowMs += lookMs;
          return nowMs;
        });
        const { durables } = world;
        world.mark();
        for (const one of steps)
          await play(
            world,
            one.do === "append"
              ? { ...one, topics: one.topics.flatMap((topic) => [topic, "a", topic, "b", topic]) }
              : one,
          );
        const staying = () => world.peers.filter(({ leftWith }) => leftWith === undefined);
        for (const { client } of staying()) client.isReading(true);
        if (!world.isFollowed) world.mark();
        for (let turns = 0; turns < 4000 && durables.counts.atEnd < staying().length; turns++) {
          if (turns % 50 === 40) world.append(["a", "b"], 0);
          await (turns % 20 === 19 ? Bun.sleep(1) : turn());
          for (const { subscription } of staying()) durables.drained(subscription);
        }
        expect(durables.counts.atEnd).toBe(staying().length);
        for (const peer of world.peers) world.check(peer);
        durables.close();
      },
    ),
    rounds(30),
  );
});
