import { expect, setDefaultTimeout, test } from "bun:test";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { startProcessor } from "../support/set-aside-system.ts";
import { bodiesOf, connectStomp } from "../support/stomp-client.ts";
import { startManager } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const key = (text: string) => ({ "idempotency-key": text });

test("a message with an idempotency key is published once, whichever managers its client sends it to, and whenever they were started", async () => {
  const url = await (await sharedRabbitmq()).vhost();
  await using one = await startManager("manager-0000000000a1", url);
  await using two = await startManager("manager-0000000000a2", url);
  const handled: string[] = [];
  await using _ = await startProcessor(url, ({ text }) => {
    handled.push(text);
    return `done: ${text}`;
  });
  await using ben = await connectStomp(two.wsUrl("/ws/ben"));
  await using there = await connectStomp(one.wsUrl("/ws/carl"));
  const live = await Promise.all([ben.subscribe("/topic/orders"), there.subscribe("/topic/orders")]);
  const durable = await ben.subscribe("/topic/#", { "x-stream-offset": "next" });
  await using annaOne = await connectStomp(one.wsUrl("/ws/anna"));
  await using annaTwo = await connectStomp(two.wsUrl("/ws/anna"));

  // One after the other: the second manager has learnt the key.
  await annaOne.sendSafely("/topic/orders", "pizza", key("1"));
  await until(() => live[0].some(({ body }) => body === "pizza"), "the message by the log");
  await annaTwo.sendSafely("/topic/orders", "pizza", key("1"));
  annaTwo.send("/topic/orders", "pasta", key("1"));
  expect((await annaTwo.failed).headers["message"]).toInclude("409");

  // Both at once, again and again: some of them take the key before either has heard of the other.
  await using again = await connectStomp(two.wsUrl("/ws/anna"));
  const races = Array.from({ length: 20 }, (__, index) => `race ${index}`);
  for (const body of races)
    await Promise.all([annaOne, again].map((client) => client.sendSafely("/topic/orders", body, key(body))));

  // One that has just been started reads the keys of the last minutes.
  await using late = await startManager("manager-0000000000a3", url);
  await until(async () => (await fetch(late.wsUrl("/readyz").replace("ws", "http"))).ok, "it is ready");
  await using annaLate = await connectStomp(late.wsUrl("/ws/anna"));
  for (const body of races) await annaLate.sendSafely("/topic/orders", body, key(body));
  await annaLate.sendSafely("/topic/orders", "pizza", key("1"));
  await annaLate.sendSafely("/topic/orders", "end");

  const all = ["pizza", ...races, "end"];
  const everything = [...all, ...all.map((body) => `done: ${body}`)].sort();
  for (const heard of [durable, ...live]) {
    await until(() => heard.some(({ body }) => body === "done: end"), "the last answer");
    expect((await bodiesOf(heard, everything.length)).sort()).toEqual(everything);
  }
  expect(handled.sort()).toEqual(all.toSorted());
});
