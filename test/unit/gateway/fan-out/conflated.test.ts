import { expect, test } from "bun:test";
import { Conflated } from "../../../../src/gateway/fan-out/conflated.ts";
import { Relay } from "../../../../src/gateway/fan-out/relay.ts";
import { stompEncoding } from "../../../../src/gateway/stomp/encoding.ts";
import { ScriptedClient } from "../durable/scripted-client.ts";

/** A conflated subscription to a pattern, and another client's to the same. */
function world() {
  const relay = new Relay();
  const client = new ScriptedClient();
  relay.publishThrough({
    publish: (key, frame) => {
      if (client.keys.has(key)) client.socket.send(frame as string);
    },
  });
  let keptBytes = 0;
  const hooks: { sent(): void } = { sent: () => undefined };
  const subscription = new Conflated({
    audiences: relay.audiences,
    settle: (audience) => relay.settle(audience),
    socket: Object.assign(client.socket, { readyState: WebSocket.OPEN }),
    pattern: "price.*",
    encoding: stompEncoding("1.2"),
    subscriptionId: "s",
    room: 1000,
    sent: () => hooks.sent(),
    kept: (bytes) => {
      keptBytes += bytes;
    },
    delivered: () => undefined,
  });
  const say = (topic: string, body: string) => relay.toAll({ topic, body }, `id-${body}`);
  return { relay, client, subscription, say, hooks, keptBytes: () => keptBytes };
}
const microtasks = () => Promise.resolve();
/** More bytes than may wait for a client. */
const tooMuch = 1001;

test("a client for which no more waits than it has room for goes on getting every message", async () => {
  const { client, subscription, say } = world();
  client.isReading(false);
  subscription.fallBehind(1000);
  await microtasks();
  for (const body of ["1", "2", "3"]) say("price.eur", body);
  client.isReading(true);
  expect(client.texts).toEqual(["1", "2", "3"]);
});

test("a client that reads too slowly gets the newest message of each topic, in their order, and then everything again", async () => {
  const { client, subscription, say, relay, keptBytes } = world();
  say("price.eur", "1");
  client.isReading(false);
  subscription.fallBehind(tooMuch);
  // It is on its way while it is found out that too much waits.
  say("price.eur", "2");
  await microtasks();
  for (const [topic, body] of [
    ["price.eur", "3"],
    ["price.usd", "4"],
    ["price.eur", "5"],
    ["price.chf", "6"],
    ["price.usd", "7"],
    ["other", "8"],
  ] as const)
    say(topic, body);
  subscription.fallBehind(tooMuch);
  await microtasks();
  expect(client.texts).toEqual(["1", "2"]);
  expect(subscription.keptBytes).toBeGreaterThan(0);
  expect(keptBytes()).toBeGreaterThan(0);
  subscription.drained();
  expect(client.texts).toEqual(["1", "2"]);
  client.isReading(true);
  subscription.drained();
  expect(client.texts).toEqual(["1", "2", "5", "6", "7"]);
  expect(subscription.keptBytes).toBe(0);
  say("price.eur", "9");
  expect(client.texts.at(-1)).toBe("9");
  subscription.end(true);
  say("price.eur", "10");
  expect(client.texts.at(-1)).toBe("9");
  expect(relay.audiences.count).toBe(0);
});

test("memory does not grow with the number of messages, and is freed when the client has gone", async () => {
  const { client, subscription, say, relay } = world();
  client.isReading(false);
  subscription.fallBehind(tooMuch);
  await microtasks();
  for (let round = 0; round < 1000; round++)
    for (const topic of ["a", "b"]) say(`price.${topic}`, `${round}`);
  expect(subscription.keptBytes).toBeLessThan(2000);
  subscription.end(false);
  expect(subscription.keptBytes).toBe(0);
  expect(relay.audiences.count).toBe(0);
  say("price.a", "after");
  expect(client.frames).toEqual([]);
});

test("one that changes its audience while a message is published to thousands by turns gets each message once", async () => {
  const { relay, client, subscription, say } = world();
  for (let index = 0; index < 5000; index++)
    relay.audiences.join("price.eur", stompEncoding("1.2"), `${index}`);
  say("price.eur", "1");
  client.isReading(false);
  subscription.fallBehind(tooMuch);
  await microtasks();
  expect(client.texts).toEqual(["1"]);
  say("price.eur", "2");
  client.isReading(true);
  subscription.drained();
  await relay.finish(60_000);
  expect(client.texts).toEqual(["1", "2"]);
  subscription.end(true);
});

test("a client that has read everything before it left its audience is back in it at once", async () => {
  const { client, subscription, say } = world();
  subscription.fallBehind(tooMuch);
  await microtasks();
  say("price.a", "1");
  expect(client.texts).toEqual(["1"]);
  expect(subscription.keptBytes).toBe(0);
});

test("one that ends in the same turn in which it falls behind is over", async () => {
  const { subscription, relay } = world();
  subscription.fallBehind(tooMuch);
  subscription.end(true);
  await microtasks();
  expect(relay.audiences.count).toBe(0);
});

test("one whose connection ends while it is sent what waited stays over", async () => {
  const { client, subscription, say, hooks, relay } = world();
  client.isReading(false);
  subscription.fallBehind(tooMuch);
  await microtasks();
  say("price.eur", "1");
  say("price.usd", "2");
  client.isReading(true);
  hooks.sent = () => subscription.end(false);
  subscription.drained();
  expect(client.texts).toEqual(["1"]);
  expect(relay.audiences.count).toBe(0);
  say("price.eur", "3");
  await microtasks();
  expect(client.texts).toEqual(["1"]);
  expect(subscription.keptBytes).toBe(0);
});

test("a client that has read is sent what waits when something comes, though nobody tells that it has", async () => {
  const { client, subscription, say } = world();
  client.isReading(false);
  say("price.eur", "1");
  subscription.fallBehind(tooMuch);
  await microtasks();
  say("price.eur", "2");
  say("price.usd", "3");
  await microtasks();
  expect(client.texts).toEqual(["1"]);
  client.isReading(true);
  say("price.chf", "4");
  say("price.eur", "5");
  await microtasks();
  expect(client.texts).toEqual(["1", "3", "4", "5"]);
  expect(subscription.keptBytes).toBe(0);
  say("price.eur", "6");
  expect(client.texts.at(-1)).toBe("6");
  subscription.end(true);
});
