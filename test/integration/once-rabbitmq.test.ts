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

  // By HTTP a key alone says whose it is.
  const post = async (manager: typeof one) =>
    await fetch(manager.wsUrl("/topics/orders").replace("ws", "http"), {
      method: "POST",
      body: "by http",
      headers: { "idempotency-key": "a key for HTTP" },
    });
  expect(await (await post(two)).json()).toEqual({ confirmed: true });

  // One that has just been started reads the keys of the last minutes, and what has a key waits for that.
  await using late = await startManager("manager-0000000000a3", url);
  const posted = post(late);
  await using annaLate = await connectStomp(late.wsUrl("/ws/anna"));
  await Promise.all(races.map((body) => annaLate.sendSafely("/topic/orders", body, key(body))));
  await annaLate.sendSafely("/topic/orders", "pizza", key("1"));
  expect(await (await posted).json()).toEqual({ confirmed: true });
  await annaLate.sendSafely("/topic/orders", "end");

  const all = ["pizza", ...races, "by http", "end"];
  const everything = [...all, ...all.map((body) => `done: ${body}`)].sort();
  for (const heard of [durable, ...live]) {
    await until(() => heard.some(({ body }) => body === "done: end"), "the last answer");
    expect((await bodiesOf(heard, everything.length)).sort()).toEqual(everything);
  }
  expect(handled.sort()).toEqual(all.toSorted());
});

test("the newest messages are there on every manager, also on one that was started after all of them were published", async () => {
  const url = await (await sharedRabbitmq()).vhost();
  await using one = await startManager("manager-0000000000b1", url);
  await using anna = await connectStomp(one.wsUrl("/ws/anna"));
  for (let at = 0; at < 40; at++) anna.send(`/topic/room.${at % 4}`, `${at}`);
  await anna.sendSafely("/topic/other", "o");
  // What is in its memory is little, and the values that it keeps are few.
  await using late = await startManager(
    "manager-0000000000b2",
    url,
    "--log-memory-bytes",
    "64KiB",
    "--last-values-max-bytes",
    "64KiB",
  );
  for (const manager of [one, late]) {
    await using ben = await connectStomp(manager.wsUrl("/ws/ben"));
    const [room, rooms, history, fewer, all] = await Promise.all([
      ben.subscribe("/topic/room.1", { "x-stream-offset": "last" }),
      ben.subscribe("/topic/room.*", { "x-stream-offset": "last" }),
      ben.subscribe("/topic/room.2", { "x-stream-offset": "last=3" }),
      ben.subscribe("/topic/other", { "x-stream-offset": "last=50" }),
      ben.subscribe("/topic/#", { "x-stream-offset": "last=3" }),
    ]);
    expect(await bodiesOf(room!, 1)).toEqual(["37"]);
    expect(await bodiesOf(rooms!, 4)).toEqual(["36", "37", "38", "39"]);
    expect(await bodiesOf(history!, 3)).toEqual(["30", "34", "38"]);
    expect(await bodiesOf(fewer!, 1)).toEqual(["o"]);
    expect((await bodiesOf(all!, 3)).at(-1)).toBe("o");
  }
  // What comes then follows.
  await using carl = await connectStomp(late.wsUrl("/ws/carl"));
  const rooms = await carl.subscribe("/topic/room.#", { "x-stream-offset": "last" });
  await anna.sendSafely("/topic/room.1", "new");
  expect((await bodiesOf(rooms, 5)).at(-1)).toBe("new");
  carl.client.subscribe("/topic/room.1", () => undefined, { "x-stream-offset": "last=1000000" });
  expect((await carl.failed).headers["message"]).toInclude("N from 1 to 10000");
});
