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
/**
 * How many frames are made in a turn of the event loop: each takes a hundredth of the slice's two milliseconds, and two readings that share
 * it look at the clock once for sixteen.
 */
const inSliceMax = 100 + 2 * 16;

/** @param now the clock of the event loop */
function durablesBy(now: () => number, outlet = plainOutlet) {
  const log = new ScriptedLog(0);
  const shared = {
    read: log.read.bind(log),
    mark: log.answerMark,
    recordBytesMax: 1024 ** 2,
    ...nothingRepeated(),
  };
  const loop = new LoopTime(now);
  const backoff = { firstMs: 1, mostMs: 2 };
  const durables = new Durables(shared, new Relay(), 1e9, backoff, outlet, undefined, loop);
  return { log, loop, durables };
}

/** Durable subscriptions with ids of their own on one record of many messages, by a clock that only the making of frames moves. */
function crowd(isInMemory: boolean) {
  const clock = { ms: 0, frames: 0, turn: 0, framesInTurn: 0, mostInTurn: 0 };
  const encoding: Encoding = {
    ...stomp,
    join: (head, tail) => {
      clock.frames++;
      clock.framesInTurn = clock.turn === loop.turn ? clock.framesInTurn + 1 : 1;
      clock.turn = loop.turn;
      clock.mostInTurn = Math.max(clock.mostInTurn, clock.framesInTurn);
      clock.ms += 0.02;
      return stomp.join(head, tail);
    },
  };
  const { log, loop, durables } = durablesBy(() => clock.ms);
  const entry = log.append(Array<string>(messageCount).fill("a"), 0);
  if (isInMemory) durables.logged(recordOf(entry));
  else durables.marked(log.mark());
  const join = (subscriptionId: string, pattern: string) => {
    const client = new ScriptedClient();
    const said = { clientId: "c", subscriptionId, encoding, pattern, start: "first" as const };
    durables.add({ socket: client.socket, ...said, onSubscribed: () => undefined });
    return client;
  };
  const clients = Array.from({ length: clientCount }, (_, index) =>
    join(`${index}`, index % 2 === 0 ? "#" : "a"),
  );
  /** Takes turns until all are at the end, and checks that none of them has taken longer. */
  const untilAllHaveRead = async () => {
    for (let turns = 0; durables.counts.atEnd < clients.length || durables.end.isLate; turns++) {
      expect(turns).toBeLessThan(2000);
      // After a reading that was cut off there is a wait.
      await (turns % 20 === 19 ? Bun.sleep(1) : turn());
    }
    expect(clock.mostInTurn).toBeLessThanOrEqual(inSliceMax);
  };
  const isPaused = () => clock.frames > clientCount && clock.frames % clientCount > 0;
  const untilPausedWithinMessage = async () => {
    for (let turns = 0; !isPaused(); turns++) {
      expect(turns).toBeLessThan(1000);
      await turn();
    }
  };
  return { log, clock, durables, clients, join, untilAllHaveRead, untilPausedWithinMessage };
}

/** What a client takes before the rest waits for it, in characters: fewer messages than are read in a turn. */
const readsAtOnce = 100;

/** Durable subscriptions by a clock that the making of frames moves: after each few of them a slice is over, and what is gathered is due. */
function alone(outlet = plainOutlet) {
  let nowMs = 0;
  const encoding: Encoding = {
    ...stomp,
    join: (head, tail) => {
      nowMs++;
      return stomp.join(head, tail);
    },
  };
  const { log, durables } = durablesBy(() => nowMs, outlet);
  return { log, durables, encoding };
}

/** What is read, and how. */
interface Reading {
  readonly isInMemory: boolean;
  readonly pattern: string;
  /** Of the record's messages. */
  readonly topics: readonly string[];
  /** How much the client reads each time, in turn. In characters. */
  readonly reads?: readonly number[];
  /** How much may wait for it. In characters. */
  readonly room?: number;
}

/** What a client gets that alone reads a record, a little at a time. */
async function readAlone({
  isInMemory,
  pattern,
  topics,
  reads = [readsAtOnce],
  room = plainOutlet.room,
}: Reading): Promise<string[]> {
  const { log, durables, encoding } = alone({ ...plainOutlet, room });
  const entry = log.append(topics, 0);
  if (isInMemory) durables.logged(recordOf(entry));
  else durables.marked(log.mark());
  const client = new ScriptedClient();
  client.networkTakes(readsAtOnce);
  const said = { clientId: "c", subscriptionId: "s", encoding, pattern, start: "first" as const };
  const subscription = durables.add({ socket: client.socket, ...said, onSubscribed: () => undefined });
  for (let turns = 0; durables.counts.atEnd === 0; turns++) {
    expect(turns).toBeLessThan(2000);
    await (turns % 20 === 19 ? Bun.sleep(1) : turn());
    if (client.waitingBytes === 0) continue;
    client.networkTakes(client.waitingBytes + reads[turns % reads.length]!);
    durables.drained(subscription);
  }
  durables.close();
  return client.texts;
}

const expected = Array.from({ length: messageCount }, (_, index) => `${index}`);

for (const isInMemory of [true, false]) {
  const where = isInMemory ? "memory" : "the broker";

  test(`a record of many messages for many subscriptions is read from ${where} by turns, and all get it once and in order`, async () => {
    const { clock, durables, clients, untilAllHaveRead } = crowd(isInMemory);
    await untilAllHaveRead();
    expect(clock.frames).toBe(messageCount * clientCount);
    for (const client of clients) expect(client.texts).toEqual(expected);
    durables.close();
  });

  test(`those that come while others are within a record from ${where} get all of it`, async () => {
    const { durables, clients, join, untilPausedWithinMessage, untilAllHaveRead } = crowd(isInMemory);
    await untilPausedWithinMessage();
    clients.push(join("late", "a"), join("late too", "#"));
    await untilAllHaveRead();
    for (const client of clients) expect(client.texts).toEqual(expected);
    durables.close();
  });

  test(`those whose way to ${where} is lost within a message go on after what they have got`, async () => {
    const { log, durables, clients, untilPausedWithinMessage, untilAllHaveRead } = crowd(isInMemory);
    await untilPausedWithinMessage();
    log.cutOff();
    if (isInMemory) durables.missed("dropped");
    durables.marked(log.mark());
    await untilAllHaveRead();
    for (const client of clients) expect(client.texts).toEqual(expected);
    durables.close();
  });
}

for (const [isInMemory, pattern] of [
  [true, "a"],
  [true, "#"],
  [false, "a"],
  [false, "#"],
] as const) {
  const where = isInMemory ? "memory" : "the broker";

  test(`one to ${pattern} that is alone in a record from ${where}, and has to read before more is written, goes on after what it has got`, async () => {
    const topics = Array<string>(messageCount).fill("a");
    expect(await readAlone({ isInMemory, pattern, topics })).toEqual(expected);
  });
}

for (const isInMemory of [true, false]) {
  const where = isInMemory ? "memory" : "the broker";

  test(`however much the client of one alone in a record from ${where} reads at a time, it gets all that it wants once and in order`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("a", "a", "b"), { minLength: 100, maxLength: 200, size: "max" }),
        fc.array(fc.nat(3000), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 100, max: 1500 }),
        async (topics, reads, room) => {
          const wanted = topics.flatMap((topic, index) => (topic === "a" ? [`${index}`] : []));
          expect(await readAlone({ isInMemory, pattern: "a", topics, reads, room })).toEqual(wanted);
        },
      ),
      rounds(50),
    );
  });
}

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
        for (const { client } of staying()) client.networkTakes(Number.POSITIVE_INFINITY);
        if (!world.isFollowed) world.mark();
        const isDone = () => durables.counts.atEnd === staying().length && !durables.end.isLate;
        for (let turns = 0; turns < 4000 && !isDone(); turns++) {
          if (turns % 50 === 40) world.append(["a", "b"], 0);
          await (turns % 20 === 19 ? Bun.sleep(1) : turn());
          for (const { subscription } of staying()) durables.drained(subscription);
        }
        expect(isDone()).toBe(true);
        for (const peer of world.peers) world.check(peer);
        durables.close();
      },
    ),
    rounds(30),
  );
});
