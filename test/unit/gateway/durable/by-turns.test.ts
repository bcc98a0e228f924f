import { afterEach, beforeEach, expect, type Mock, setDefaultTimeout, spyOn, test } from "bun:test";
import { Durables } from "../../../../src/gateway/durable/durables.ts";
import { plainOutlet } from "../../../../src/gateway/durable/outflow.ts";
import type { DurableState } from "../../../../src/gateway/durable/states.ts";
import { DurableSubscription } from "../../../../src/gateway/durable/subscription.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import type { Position } from "../../../../src/log/position.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { TopicTrie } from "../../../../src/topics/topic-trie.ts";
import { integrationTimeoutMs } from "../../../support/timeout.ts";
import { nothingRepeated } from "../../doubles/nothing-repeated.ts";
import { turn } from "../../doubles/turn.ts";
import { ScriptedClient } from "./scripted-client.ts";
import { recordOf, ScriptedLog } from "./scripted-log.ts";

setDefaultTimeout(integrationTimeoutMs);

const clientCount = 500;
/** What each move of a subscription takes, and each publish, by the clock of the event loop. In milliseconds. */
const stepMs = 0.05;
/** How much is published as records come, and how much at the end of a turn. */
const publishedMax = 64;
/**
 * How many steps there may be in one turn of the event loop: what is published, tasks of five milliseconds at its end, and some more of each
 * kind of work before the clock is looked at.
 */
const stepsMax = 2 * publishedMax + 5 / stepMs + 4 * 32;

/** What was done in one turn of the event loop, and at most in any. */
class Steps {
  ms = 0;
  most = 0;
  #turn = -1;
  #count = 0;

  take(): void {
    this.ms += stepMs;
    if (loop.turn !== this.#turn) this.#count = 0;
    this.#turn = loop.turn;
    this.most = Math.max(this.most, ++this.#count);
  }

  /** They are counted from now on. */
  restart(): void {
    this.#count = this.most = 0;
  }
}

let steps: Steps;
let loop: LoopTime;
let moving: Mock<DurableSubscription["becomes"]>;

beforeEach(() => {
  steps = new Steps();
  loop = new LoopTime(() => steps.ms);
  const { becomes } = DurableSubscription.prototype;
  moving = spyOn(DurableSubscription.prototype, "becomes").mockImplementation(function (
    this: DurableSubscription,
    to: DurableState,
  ) {
    steps.take();
    becomes.call(this, to);
  });
});
afterEach(() => moving.mockRestore());

/** Durable subscriptions with ids of their own, by a clock that only their moves and publishes drive. */
function crowd(windowBytes = 1e9) {
  const log = new ScriptedLog(0);
  const relay = new Relay(loop);
  const byKey = new Map<string, ScriptedClient>();
  relay.publishThrough({
    publish: (key, frame) => {
      steps.take();
      byKey.get(key)?.socket.send(frame as string);
    },
  });
  const shared = {
    read: log.read.bind(log),
    mark: log.answerMark,
    recordBytesMax: 1024 ** 2,
    ...nothingRepeated(),
  };
  const backoff = { firstMs: 1, mostMs: 2 };
  const durables = new Durables(
    shared,
    relay,
    windowBytes,
    backoff,
    plainOutlet,
    undefined,
    loop,
    publishedMax,
  );
  const clients: ScriptedClient[] = [];
  const subscriptions: DurableSubscription[] = [];
  const join = (start: "first" | "next" | Position) => {
    const client: ScriptedClient = new ScriptedClient((key, isIn) => {
      if (isIn) byKey.set(key, client);
      else byKey.delete(key);
    });
    const subscriptionId = `${clients.length}`;
    const pattern = clients.length % 2 === 0 ? "#" : "a";
    const said = { clientId: "c", subscriptionId, encoding: stompEncoding("1.2"), pattern, start };
    subscriptions.push(durables.add({ socket: client.socket, ...said, onSubscribed: () => undefined }));
    clients.push(client);
  };
  const joinAll = (start: "first" | "next" | Position) => {
    for (let count = 0; count < clientCount; count++) join(start);
  };
  const say = (...topics: string[]) => durables.logged(recordOf(log.append(topics, 0)));
  const until = async (isDone: () => boolean) => {
    for (let turns = 0; !isDone(); turns++) {
      expect(turns).toBeLessThan(4000);
      await (turns % 20 === 19 ? Bun.sleep(1) : turn());
    }
  };
  const untilAllAreAtEnd = () =>
    until(() => durables.counts.atEnd === clients.length && !durables.end.isLate);
  /** Measures from now on. */
  const measure = async () => {
    await turn();
    steps.restart();
  };
  return { log, durables, clients, subscriptions, join, joinAll, say, until, untilAllAreAtEnd, measure };
}

const texts = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);

test("a message for all at the log's end is published by turns, and so is what follows it; those that come meanwhile get what comes from then on", async () => {
  const { log, durables, clients, join, joinAll, say, untilAllAreAtEnd, measure } = crowd();
  durables.marked(log.mark());
  joinAll("next");
  await measure();
  say("a");
  expect(durables.end.isLate).toBe(true);
  join("next");
  say("a", "b", "a");
  join("first");
  await untilAllAreAtEnd();
  say("a");
  await untilAllAreAtEnd();
  expect(steps.most).toBeLessThanOrEqual(stepsMax);
  for (const [index, client] of clients.slice(0, clientCount).entries())
    expect(client.texts).toEqual(index % 2 === 0 ? texts(5) : ["0", "1", "3", "4"]);
  expect(clients[clientCount]!.texts).toEqual(["1", "2", "3", "4"]);
  expect(clients[clientCount + 1]!.texts).toEqual(["0", "1", "3", "4"]);
  durables.close();
});

test("those that leave the log's end while it is late go on after exactly what they have got", async () => {
  const { log, durables, clients, subscriptions, joinAll, say, untilAllAreAtEnd } = crowd();
  durables.marked(log.mark());
  joinAll("next");
  say("a", "a", "a");
  const got = () => clients.reduce((sum, { frames }) => sum + frames.length, 0);
  // Not by sleeping, since very many turns may pass meanwhile.
  while (got() < clientCount * 1.5) await turn();
  expect(durables.end.isLate).toBe(true);
  // All of them: the place of the last one counts, too.
  for (const subscription of subscriptions) durables.fallBehind(subscription);
  expect(durables.counts.atEnd).toBe(0);
  expect(durables.end.isLate).toBe(false);
  await untilAllAreAtEnd();
  for (const client of clients) expect(client.texts).toEqual(texts(3));
  durables.close();
});

test("those that have read everything join the log's end as soon as the last of those for whom it was late has left", async () => {
  const { log, durables, clients, subscriptions, join, joinAll, say, untilAllAreAtEnd } = crowd();
  durables.marked(log.mark());
  joinAll("next");
  say("a");
  join("next");
  expect(durables.counts).toMatchObject({ atEnd: clientCount, catchingUp: 1 });
  for (const subscription of subscriptions.slice(0, clientCount)) durables.remove(subscription, true);
  clients.splice(0, clientCount);
  await untilAllAreAtEnd();
  say("a");
  expect(clients[0]!.texts).toEqual(["1"]);
  durables.close();
});

test("the topics of a pack are compared with patterns at the log's end by turns", async () => {
  const { log, durables, clients, joinAll, say, untilAllAreAtEnd, measure } = crowd();
  durables.marked(log.mark());
  joinAll("next");
  const { match } = TopicTrie.prototype;
  const matching = spyOn(TopicTrie.prototype, "match").mockImplementation(function (
    this: TopicTrie<unknown>,
    name: string,
  ) {
    for (let count = 0; count < 10; count++) steps.take();
    return name === "a" ? match.call(this, name) : [];
  });
  try {
    await measure();
    say(...Array.from({ length: 500 }, (_, index) => `t.${index}`), "a");
    await untilAllAreAtEnd();
  } finally {
    matching.mockRestore();
  }
  expect(steps.most).toBeLessThanOrEqual(stepsMax);
  for (const client of clients) expect(client.texts).toEqual(["500"]);
  durables.close();
});

for (const why of ["dropped", "another log"] as const) {
  test(`where the log goes on elsewhere (${why}), those at its end and those that read what is in memory leave by turns, and are told of the gap`, async () => {
    const { log, durables, clients, joinAll, say, untilAllAreAtEnd, measure } = crowd();
    durables.marked(log.mark());
    joinAll("next");
    say("a");
    await untilAllAreAtEnd();
    joinAll({ offset: 1, index: -1 });
    expect(durables.counts).toMatchObject({ atEnd: clientCount, catchingUp: clientCount });
    await measure();
    if (why === "another log") log.beginAnew();
    durables.missed(why);
    if (why === "dropped") {
      log.append(["a"], 0);
      log.keptFrom = log.nextOffset;
      log.cutOff();
    }
    say("a");
    await untilAllAreAtEnd();
    expect(steps.most).toBeLessThanOrEqual(stepsMax);
    const last = why === "dropped" ? "2" : "1";
    for (const client of clients.slice(0, clientCount)) {
      expect(client.texts).toEqual(["0", last]);
      expect(client.gaps).toEqual([1]);
    }
    // They may not have got anything before.
    for (const client of clients.slice(clientCount)) expect(client.texts.at(-1)).toBe(last);
    durables.close();
  });
}

test("where the log begins anew while those at its end are leaving, they get all of the new one, after one gap", async () => {
  const { log, durables, clients, joinAll, say, untilAllAreAtEnd } = crowd();
  durables.marked(log.mark());
  joinAll("next");
  say("a");
  await untilAllAreAtEnd();
  durables.missed("dropped");
  await turn();
  expect(durables.counts.atEnd).toBeGreaterThan(0);
  log.beginAnew();
  durables.missed("another log");
  say("a");
  await untilAllAreAtEnd();
  for (const client of clients) {
    expect(client.texts).toEqual(["0", "1"]);
    expect(client.gaps).toEqual([1]);
  }
  durables.close();
});

test("those for whom the log's end is so late that the rest is in memory no more get it from the broker, and leave by turns", async () => {
  const { log, durables, clients, joinAll, say, untilAllAreAtEnd, measure } = crowd(2000);
  durables.marked(log.mark());
  joinAll("next");
  await measure();
  for (let count = 0; count < 30; count++) say("a");
  await untilAllAreAtEnd();
  expect(steps.most).toBeLessThanOrEqual(stepsMax);
  for (const client of clients) expect(client.texts).toEqual(texts(30));
  durables.close();
});

test("those that wait for what is in memory no more leave by turns, and get it from the broker", async () => {
  const { log, durables, clients, joinAll, say, untilAllAreAtEnd, measure } = crowd(2000);
  durables.marked(log.mark());
  say("a");
  joinAll({ offset: 1, index: -1 });
  expect(durables.counts.catchingUp).toBe(clientCount);
  await measure();
  for (let count = 0; count < 30; count++) say("a");
  await untilAllAreAtEnd();
  expect(steps.most).toBeLessThanOrEqual(stepsMax);
  for (const client of clients) expect(client.texts).toEqual(texts(31));
  durables.close();
});

test("those whose way to the log is lost, and those that have come to what is in memory, leave their sweep by turns", async () => {
  const { log, durables, clients, joinAll, until, untilAllAreAtEnd, measure } = crowd();
  for (let count = 0; count < 3; count++) log.append(["a"], 0);
  durables.marked(log.mark());
  joinAll("first");
  await until(() => durables.readingCount > 0);
  await measure();
  log.cutOff();
  await untilAllAreAtEnd();
  expect(steps.most).toBeLessThanOrEqual(stepsMax);
  for (const client of clients) expect(client.texts).toEqual(texts(3));
  durables.close();
});
