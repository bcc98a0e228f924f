import { expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { LogReader, LogStart } from "../../../../src/broker/broker.ts";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { NewestOfAll, searchesMax } from "../../../../src/gateway/durable/newest.ts";
import { plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import type { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import type { Start } from "../../../../src/log/position.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { rounds } from "../../doubles/rounds.ts";
import { turn } from "../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { recordOf, ScriptedLog } from "./scripted-log.ts";

setDefaultTimeout(integrationTimeoutMs);

/** One message of the log, in its order. */
interface Said {
  readonly topic: string;
  readonly text: string;
}

interface Peer {
  readonly client: ScriptedClient;
  readonly pattern: string;
  readonly start: "last" | { readonly last: number };
  /** What the log had when it subscribed. */
  readonly knew: number;
  subscription: DurableSubscription | undefined;
}

class World {
  readonly log = new ScriptedLog(5);
  readonly said: Said[] = [];
  readonly peers: Peer[] = [];
  readonly refused: string[] = [];
  readonly readFrom: LogStart[] = [];
  readonly durables: Durables;

  /** @param before the records that the log has before the manager follows it */
  constructor(windowBytes: number, valuesBytes: number, before: readonly (readonly string[])[] = []) {
    const relay = new Relay();
    relay.publishThrough({
      publish: (key, frame) => {
        for (const { client } of this.peers) if (client.keys.has(key)) client.socket.send(frame as string);
      },
    });
    const sharedLog = {
      read: (start: LogStart, reader: LogReader) => {
        this.readFrom.push(start);
        return this.log.read(start, reader);
      },
      mark: this.log.answerMark,
      recordBytesMax: 1024 ** 2,
      ...nothingRepeated(),
    };
    const backoff = { firstMs: 1, mostMs: 2 };
    this.durables = new Durables(sharedLog, relay, windowBytes, backoff, plainOutlet, valuesBytes);
    for (const topics of before) this.#append(topics);
    this.durables.marked(this.log.mark());
  }

  append(topics: readonly string[]): void {
    this.durables.logged(recordOf(this.#append(topics)));
  }

  #append(topics: readonly string[]) {
    const entry = this.log.append(topics, this.said.length % 3);
    for (const { topic, body } of recordOf(entry).messages) this.said.push({ topic, text: String(body) });
    return entry;
  }

  subscribe(pattern: string, start: Peer["start"], isReading = true): Peer {
    const client = new ScriptedClient();
    client.isReading(isReading);
    const peer: Peer = { client, pattern, start, knew: this.said.length, subscription: undefined };
    this.peers.push(peer);
    peer.subscription = this.durables.add({
      socket: client.socket,
      clientId: "client",
      subscriptionId: "s",
      encoding: stompEncoding("1.2"),
      pattern,
      start: start as Start,
      onSubscribed: () => undefined,
      onRefused: (why) => void this.refused.push(why),
    });
    return peer;
  }

  /** Everybody reads, and is at the log's end. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 20_000; turns++) {
      for (const { client, subscription } of this.peers) {
        client.isReading(true);
        if (subscription !== undefined) this.durables.drained(subscription);
      }
      const { counts } = this.durables;
      if (counts.atEnd === this.peers.length - this.refused.length) return;
      await turn();
      if (turns % 50 === 49) await Bun.sleep(1);
    }
    throw new Error(`not settled: ${JSON.stringify(this.durables.counts)}`);
  }

  /** What is wrong with what a client got; undefined if nothing is. */
  faultOf({ client, pattern, start, knew }: Peer): string | undefined {
    const matching = this.said.flatMap((each, index) =>
      pattern === "#" || pattern === each.topic ? [{ ...each, index }] : [],
    );
    const got = client.texts;
    const tell = (what: string) => `${what}: ${got.join(" ")} of ${JSON.stringify(matching)}, ${knew}`;
    if (start !== "last") {
      const known = matching.filter(({ index }) => index < knew).length;
      const least = matching.length - Math.max(0, known - start.last);
      const texts = matching.map(({ text }) => text);
      // While its beginning is being found more may come, of which the newest count.
      const isSuffix = texts.slice(texts.length - got.length).join(" ") === got.join(" ");
      if (!isSuffix) return tell("not the newest, in order, without a gap");
      if (got.length > least || got.length < Math.min(least, start.last)) return tell("not so many");
      return undefined;
    }
    // No two texts are the same.
    const placeOf = new Map(matching.map(({ text }, place) => [text, place]));
    const places = got.map((text) => placeOf.get(text) ?? -1);
    if (places.some((place, at) => place < 0 || (at > 0 && place <= places[at - 1]!)))
      return tell("not in order");
    // There is a moment at which each topic's newest was told, after which everything was.
    for (let moment = knew; moment <= this.said.length; moment++) {
      const newest = new Map<string, number>();
      for (const [place, { topic, index }] of matching.entries())
        if (index < moment) newest.set(topic, place);
      const later = matching.flatMap(({ index }, place) => (index >= moment ? [place] : []));
      const wanted = [...newest.values()].sort((one, other) => one - other).concat(later);
      if (wanted.join() === places.join()) return undefined;
    }
    return tell("not the newest of each topic, and what came then");
  }
}

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
        const world = new World(windowBytes, valuesBytes, before);
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

test("many that ask at once are served by one reading of the log, and those that ask later by none", async () => {
  const before = Array.from({ length: 3000 }, (_, index) => [`topic.${index % 20}`]);
  const world = new World(1e9, 1e9, before);
  for (let client = 0; client < 200; client++)
    for (let topic = 0; topic < 20; topic++) world.subscribe(`topic.${topic}`, "last");
  await world.settle();
  expect(world.log.readingsMax).toBe(1);
  const readings = world.readFrom.length;
  const peer = world.subscribe("topic.*", "last");
  await world.settle();
  expect(peer.client.texts).toHaveLength(20);
  expect(world.readFrom).toHaveLength(readings);
  for (const each of world.peers.slice(0, 4000)) expect(each.client.texts).toHaveLength(1);
  world.durables.close();
});

test("only so much is looked for at a time, and all that ask get it", async () => {
  const before = Array.from({ length: 300 }, (_, index) => [index % 2 === 0 ? "a" : "b"]);
  const world = new World(1e9, 1e9, before);
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

test("the newest so many are found near the log's end without reading all of it", async () => {
  const before = Array.from({ length: 20_000 }, (_, index) => [index % 2 === 0 ? "a" : "b"]);
  const world = new World(1e9, 1e9, before);
  const peer = world.subscribe("a", { last: 50 });
  await world.settle();
  expect(peer.client.texts).toHaveLength(50);
  expect(world.faultOf(peer)).toBeUndefined();
  for (const start of world.readFrom) expect(start).toBeGreaterThan(world.log.nextOffset - 5000);
  world.durables.close();
});

test("the newest messages of more topics than a subscription may have are refused with a reason", async () => {
  const world = new World(1e9, 1e9);
  for (let at = 0; at < 10_001; at += 100)
    world.append(Array.from({ length: 100 }, (_, index) => `t.${at + index}`));
  world.subscribe("t.*", "last");
  await world.settle();
  expect(world.refused).toEqual([expect.stringContaining("more than 10000 topics")]);
  const peer = world.subscribe("t.5", "last");
  await world.settle();
  expect(peer.client.texts).toEqual(["5"]);
  world.durables.close();
});

test("a subscription to a topic whose newest message is known gets it, and is at the log's end, in the same turn", async () => {
  const world = new World(1e9, 1e9);
  for (let at = 0; at < 100; at++) world.append([`t.${at}`, "busy"]);
  world.subscribe("t.0", "last");
  await world.settle();
  const peer = world.subscribe("t.7", "last");
  expect(peer.client.texts).toHaveLength(1);
  expect(world.durables.counts).toMatchObject({ atEnd: 2, catchingUp: 0, locating: 0 });
  world.durables.close();
});

test("memory for them has a cap, beyond which the log is read", async () => {
  const world = new World(1, 64 * 1024);
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

test("what matches many patterns is looked for in parts, and what is said meanwhile is not left out", async () => {
  const topicsOf = (count: number) => Array.from({ length: count }, (_, at) => `t.${at}`);
  const world = new World(1e9, 1e9);
  // So many, for so many clients, take many times as long as a slice.
  for (let at = 0; at < 1000; at += 100) world.append(topicsOf(1000).slice(at, at + 100));
  // Makes the newest messages known.
  world.subscribe("t.0", "last");
  await world.settle();
  const peers = Array.from({ length: 100 }, (_, at) => world.subscribe(at % 2 === 0 ? "#" : "t.1", "last"));
  world.append(["t.999", "t.1", "new"]);
  await world.settle();
  expect(peers.flatMap((peer) => world.faultOf(peer) ?? [])).toEqual([]);
  world.durables.close();
});
