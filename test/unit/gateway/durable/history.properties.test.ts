import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { NewestOfAll, searchesMax } from "../../../../src/gateway/durable/newest.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { rounds } from "../../doubles/rounds.ts";
import { turn } from "../../doubles/turn.ts";
import { HistoryWorld } from "./history-world.ts";

setDefaultTimeout(integrationTimeoutMs);

const topics = fc.array(fc.constantFrom("a", "b", "c", "d.e"), { minLength: 1, maxLength: 4 });
const start = fc.oneof(
  fc.constant("last" as const),
  fc.integer({ min: 1, max: 12 }).map((last) => ({ last })),
);
const event = fc.oneof(
  { weight: 3, arbitrary: topics.map((of) => ({ do: "append" as const, of })) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      pattern: fc.constantFrom("a", "b", "c", "nobody", "#"),
      start,
      reads: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "cut off" as const }) },
  { weight: 2, arbitrary: fc.constant({ do: "turn" as const }) },
);

test("a subscription to the newest messages gets them in order, and then all new ones, wherever they are kept", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1, 4000, 1e9),
      fc.constantFrom(1, 1500, 1e9),
      fc.array(topics, { maxLength: 30 }),
      fc.array(event, { maxLength: 40 }),
      async (windowBytes, valuesBytes, before, events) => {
        const world = new HistoryWorld(windowBytes, valuesBytes, before);
        for (const each of events) {
          if (each.do === "append") world.append(each.of);
          else if (each.do === "subscribe") world.subscribe(each.pattern, each.start, each.reads);
          else if (each.do === "cut off") world.log.cutOff();
          else await turn();
        }
        await world.settle();
        world.append(["a", "b", "nobody"]);
        await world.settle();
        expect(world.peers.flatMap((peer) => world.faultOf(peer) ?? [])).toEqual([]);
        world.durables.close();
      },
    ),
    rounds(150),
  );
});

test("only so much is looked for at a time, and all that ask get it", async () => {
  const before = Array.from({ length: 300 }, (_, index) => [index % 2 === 0 ? "a" : "b"]);
  const world = new HistoryWorld(1e9, 1e9, before);
  const peers = Array.from({ length: 200 }, (_, at) =>
    world.subscribe(at % 3 === 0 ? "#" : "a", { last: 1 + (at % 100) }),
  );
  await world.settle();
  expect(peers.flatMap((peer) => world.faultOf(peer) ?? [])).toEqual([]);
  world.durables.close();
  const all = new NewestOfAll();
  for (const [at, { subscription }] of peers.entries()) all.add(subscription!, 1 + (at % 100));
  expect([...all.all]).toHaveLength(searchesMax);
});

test("a subscription to a topic whose newest message is known gets it, and is at the log's end, in the same turn", async () => {
  const world = new HistoryWorld(1e9, 1e9);
  for (let at = 0; at < 100; at++) world.append([`t.${at}`, "busy"]);
  world.subscribe("t.0", "last");
  await world.settle();
  const peer = world.subscribe("t.7", "last");
  expect(peer.client.texts).toHaveLength(1);
  expect(world.durables.counts).toMatchObject({ atEnd: 2, catchingUp: 0, locating: 0 });
  world.durables.close();
});

test("memory for them has a cap, beyond which the log is read", async () => {
  const world = new HistoryWorld(1, 64 * 1024);
  for (let at = 0; at < 2000; at++) world.append([`t.${at}`]);
  world.subscribe("t.1999", "last");
  await world.settle();
  expect(world.durables.valuesBytes).toBeLessThanOrEqual(64 * 1024);
  const peer = world.subscribe("t.*", "last");
  const old = world.subscribe("t.3", "last");
  await world.settle();
  expect(peer.client.texts).toHaveLength(2000);
  expect(old.client.texts).toEqual(["3"]);
  world.durables.close();
});
