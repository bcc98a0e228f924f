import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Encoding } from "../../../../src/gateway/fan-out/encoding.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import type { Body } from "../../../../src/message.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { rounds } from "../../../unit/doubles/rounds.ts";
import { turn } from "../../../unit/doubles/turn.ts";

/** More audiences than a message is published to in one turn of the event loop. */
const crowd = 5000;
/** What is published in a turn at most: as messages come, and at its end. */
const inTurnMax = 2048;

const encoding: Encoding = {
  name: "x",
  includesId: false,
  headOf: (id) => `${id}>`,
  headAfterGap: (head) => head,
  tailOf: ({ body }) => body,
  join: (head, tail) => `${head}${tail}`,
};

/** A relay whose publishes take a microsecond each, by a clock that nothing else moves. */
function world() {
  const clock = { ms: 0 };
  const relay = new Relay(new LoopTime(() => clock.ms));
  const published: Body[] = [];
  relay.publishThrough({
    publish: (_, body) => {
      clock.ms += 0.001;
      published.push(body);
    },
  });
  const join = (pattern: string, id: string) => relay.audiences.join(pattern, encoding, id);
  const joinCrowd = (pattern: string, count = crowd) =>
    Array.from({ length: count }, (_, index) => join(pattern, `${index}`));
  const say = (topic: string, body: Body) =>
    relay.spread(relay.audiences.route(topic), { body, topic }, "", undefined);
  /** What was published to the audiences with this subscription id. */
  const heardBy = (id: string) =>
    published.filter((body) => `${body}`.startsWith(`${id}>`)).map((body) => `${body}`.split(">")[1]);
  return { relay, published, clock, join, joinCrowd, say, heardBy };
}

async function turnsUntil(isOver: () => boolean): Promise<number> {
  for (let turns = 0; ; turns++) {
    if (isOver()) return turns;
    expect(turns).toBeLessThan(200);
    await turn();
  }
}

test("a message with thousands of audiences is published by turns, to each of them once", async () => {
  const { relay, published, joinCrowd, say } = world();
  joinCrowd("a", 20_000);
  say("a", "hello");
  expect(published.length).toBeLessThanOrEqual(inTurnMax);
  await turnsUntil(() => {
    const before = published.length;
    void turn().then(() => expect(published.length - before).toBeLessThanOrEqual(inTurnMax));
    return relay.spreadingBytes === 0;
  });
  expect(new Set(published).size).toBe(20_000);
  expect(published).toHaveLength(20_000);
  expect([relay.deliveredCount, relay.publishedCount]).toEqual([20_000, 20_000]);
});

test("very many such messages in one turn are not published to more audiences in it than one", () => {
  const { published, joinCrowd, say } = world();
  joinCrowd("a");
  for (let index = 0; index < 50; index++) say("a", `${index}`);
  expect(published.length).toBeLessThanOrEqual(inTurnMax);
});

test("a large message is published to few audiences at a time", () => {
  const { published, joinCrowd, say } = world();
  joinCrowd("a", 100);
  say("a", "x".repeat(1024 ** 2));
  expect(published.length).toBeLessThanOrEqual(16);
});

test("meanwhile others get what comes at once, and those that wait get it after what they wait for", async () => {
  const { relay, joinCrowd, join, say, heardBy } = world();
  joinCrowd("big");
  join("small", "s");
  // It is the last one that gets the first message.
  join("#", "last");
  say("big", "1");
  say("small", "2");
  expect([heardBy("s"), heardBy("last")]).toEqual([["2"], []]);
  await turnsUntil(() => relay.spreadingBytes === 0);
  expect(heardBy("last")).toEqual(["1", "2"]);
  say("small", "3");
  expect([heardBy("s"), heardBy("last")]).toEqual([
    ["2", "3"],
    ["1", "2", "3"],
  ]);
});

test("each audience gets each message once, and in the order in which they came", async () => {
  const topics = ["big.a", "big.b", "small"];
  const step = fc.oneof(fc.constantFrom(...topics), fc.constant("turn" as const));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
      const { relay, published, joinCrowd, join, say } = world();
      joinCrowd("big.*", 1100);
      joinCrowd("#", 1100);
      for (const topic of topics) join(topic, `of ${topic}`);
      const expected: string[] = [];
      for (const [index, name] of steps.entries()) {
        if (name === "turn") await turn();
        else {
          say(name, `${index}`);
          expected.push(
            ...[...relay.audiences.route(name)].flatMap(({ audiences }) =>
              audiences.map(({ head }) => `${head}${index}`),
            ),
          );
        }
      }
      await turnsUntil(() => relay.spreadingBytes === 0);
      const byHead = (frames: readonly string[]) => Map.groupBy(frames, (frame) => frame.split(">")[0]);
      const wanted = byHead(expected);
      expect(byHead(published.map(String)).size).toBe(wanted.size);
      for (const [head, frames] of byHead(published.map(String)))
        expect(frames.toSorted()).toEqual(wanted.get(head)!.toSorted());
      // Patterns that share ids get the same frames, so only one that is alone shows the order.
      for (const topic of topics) {
        const own = published.map(String).filter((frame) => frame.startsWith(`of ${topic}>`));
        expect(own).toEqual(own.toSorted((one, other) => numberOf(one) - numberOf(other)));
      }
    }),
    rounds(10),
  );
});

const numberOf = (frame: string) => Number(frame.split(">")[1]);

test("an audience that all clients have left gets nothing more, and one that takes its name gets no earlier message", async () => {
  const { relay, joinCrowd, join, say, heardBy } = world();
  const members = joinCrowd("a");
  say("a", "1");
  relay.audiences.leave(members.at(-1)!);
  relay.audiences.leave(members.at(-2)!);
  join("a", `${crowd - 1}`);
  join("b", `${crowd - 1}`);
  say("b", "2");
  await turnsUntil(() => relay.spreadingBytes === 0);
  expect(heardBy(`${crowd - 1}`)).toEqual(["2"]);
  expect(heardBy(`${crowd - 2}`)).toEqual([]);
});

test("a sender that gets no copy gets none later either, and if its connection has ended the others get theirs all the same", async () => {
  for (const isClosed of [false, true]) {
    const { relay, joinCrowd, join, heardBy } = world();
    joinCrowd("a");
    const audience = join("a", "own");
    join("a", "own");
    const spoken: Body[] = [];
    const excluded = { audience, isClosed: false, publish: (body: Body) => void spoken.push(body) };
    relay.spread(relay.audiences.route("a"), { body: "1", topic: "a" }, "", excluded);
    excluded.isClosed = isClosed;
    await turnsUntil(() => relay.spreadingBytes === 0);
    expect([spoken.length, heardBy("own").length]).toEqual(isClosed ? [0, 1] : [1, 0]);
  }
});

test("a message that exceeds the cap alone is published at once, and nobody waits for it", () => {
  const { relay, published, joinCrowd, say } = world();
  joinCrowd("a", 3);
  expect(say("a", "x".repeat(70 * 1024 ** 2))).toBeUndefined();
  expect(published).toHaveLength(3);
  expect(relay.spreadingBytes).toBe(0);
});

test("memory is counted and has a cap, beyond which the oldest are published at once", async () => {
  const { relay, published, joinCrowd, say } = world();
  joinCrowd("a");
  const large = "x".repeat(1024 ** 2);
  let isFullAt = 0;
  for (let index = 0; index < 80; index++) {
    say("a", large);
    if (relay.isFull && isFullAt === 0) isFullAt = index;
    expect(relay.spreadingBytes).toBeLessThanOrEqual(64 * 1024 ** 2);
  }
  expect(isFullAt).toBeGreaterThan(10);
  expect(published.length).toBeGreaterThan(40 * crowd);
  await relay.finish(60_000);
  expect(published).toHaveLength(80 * crowd);
  expect([relay.spreadingBytes, relay.isFull]).toEqual([0, false]);
});

test("at the end it is waited for until all is published, by turns, and for no longer than there is time", async () => {
  const { relay, published, clock, joinCrowd, say } = world();
  joinCrowd("a");
  for (let index = 0; index < 20; index++) say("a", `${index}`);
  let most = 0;
  let before = published.length;
  const look = () => {
    most = Math.max(most, published.length - before);
    before = published.length;
    if (relay.spreadingBytes > 0) setImmediate(look);
  };
  setImmediate(look);
  const startedMs = clock.ms;
  const tookMs = await relay.finish(10);
  expect(tookMs).toBeGreaterThanOrEqual(10);
  expect(clock.ms - startedMs).toBeLessThan(20);
  expect(relay.spreadingBytes).toBeGreaterThan(0);
  await relay.finish(1000);
  expect(published).toHaveLength(20 * crowd);
  expect(most).toBeLessThanOrEqual(inTurnMax);
});

test("the log waits while a message of it is published by turns", async () => {
  const { relay, joinCrowd, published } = world();
  joinCrowd("a");
  relay.toAll({ body: "1", topic: "a" }, "");
  expect(relay.isSpreading).toBe(true);
  await turnsUntil(() => published.length === crowd);
  expect(relay.isSpreading).toBe(false);
});
