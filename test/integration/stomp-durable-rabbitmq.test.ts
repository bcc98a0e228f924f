import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Channel, connect as connectAmqp } from "amqplib";
import { pack, packedContentType } from "../../src/envelope/packing.ts";
import { startAfter } from "../../src/log/position.ts";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { bodiesOf, connectStomp, type Message } from "../support/stomp-client.ts";
import { startManager, startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const quiet = { heartbeatIncoming: 0, heartbeatOutgoing: 0 };
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => String(from + index));
const positionOf = (message: Message) => message.headers["x-stream-offset"]!;
const gapsIn = (messages: readonly Message[]) => messages.map(({ headers }) => headers["x-stream-gap"] ?? "");

const freshVhost = async () => (await sharedRabbitmq()).vhost();

/** Publishes to `towsmanager` as another program, in order and confirmed. */
async function publish(
  url: string,
  texts: readonly string[],
  topic = "t",
  headers: Record<string, unknown> = {},
) {
  await asAnotherProgram(url, (channel) => {
    for (const text of texts)
      channel.publish("towsmanager", topic, Buffer.from(text), { headers, contentType: "text/plain" });
  });
}

async function asAnotherProgram(url: string, act: (channel: Channel) => void) {
  const connection = await connectAmqp(url);
  const channel = await connection.createConfirmChannel();
  act(channel);
  await channel.waitForConfirms();
  await connection.close();
}

/** The brokers that keep a log, each with a system that has a manager and a way to publish answers in order. */
const systems = {
  "the embedded broker": (...args: string[]) => Promise.resolve(startSystem(args, () => undefined)),
  RabbitMQ: async (...args: string[]) => startManager("m", await freshVhost(), ...args),
};

for (const [name, start] of Object.entries(systems)) {
  describe(`a durable subscription, with ${name}`, () => {
    test("gets everything through the log, in one order, what its own client sends among it", async () => {
      await using system = await start();
      await using anna = await connectStomp(system.wsUrl("/ws/anna"), quiet);
      await using ben = await connectStomp(system.wsUrl("/ws/ben"), quiet);
      const annas = await anna.subscribe("/topic/a.*", { "x-stream-offset": "next" });
      const bens = await ben.subscribe("/topic/#", { "x-stream-offset": "next" });
      for (const number of numbers(0, 50)) {
        anna.send("/topic/a.1", `anna ${number}`, { shade: "dark" });
        ben.send("/topic/a.2", `ben ${number}`);
      }
      const heard = await bodiesOf(annas, 100);
      expect(await bodiesOf(bens, 100)).toEqual(heard);
      expect(heard.filter((text) => text.startsWith("anna"))).toEqual(
        numbers(0, 50).map((number) => `anna ${number}`),
      );
      const positions = annas.map(positionOf);
      expect(new Set(positions).size).toBe(100);
      expect(bens.map(positionOf)).toEqual(positions);
      expect(gapsIn(annas).join("")).toBe("");
      expect(annas.find(({ body }) => body === "anna 7")?.headers).toMatchObject({
        shade: "dark",
        destination: "/topic/a.1",
      });
    });

    test("goes on behind any message it has seen, without gap or repeat, while more comes", async () => {
      await using system = await start();
      await using sender = await connectStomp(system.wsUrl("/ws"), quiet);
      await using first = await connectStomp(system.wsUrl("/ws"), quiet);
      const seen = await first.subscribe("/topic/t", { "x-stream-offset": "next" });
      for (const number of numbers(0, 100)) sender.send("/topic/t", number);
      await bodiesOf(seen, 100);
      const peers = await Promise.all(
        [0, 1, 42, 98, 99].map(async (index) => {
          const peer = await connectStomp(system.wsUrl("/ws"), quiet);
          const received = await peer.subscribe("/topic/t", { "x-stream-after": positionOf(seen[index]!) });
          return { peer, received, index };
        }),
      );
      for (const number of numbers(100, 200)) sender.send("/topic/t", number);
      for (const { peer, received, index } of peers) {
        expect(await bodiesOf(received, 199 - index)).toEqual(numbers(index + 1, 200));
        expect(gapsIn(received).join("")).toBe("");
        await peer[Symbol.asyncDispose]();
      }
    });

    test("goes on where it began, if it was lost before its first message", async () => {
      await using system = await start();
      await using sender = await connectStomp(system.wsUrl("/ws"), quiet);
      await sender.sendSafely("/topic/t", "before");
      // As much as has to have happened for the log to have it.
      await bodiesOf(await sender.subscribe("/topic/t", { "x-stream-offset": "first" }), 1);
      const lost = await connectStomp(system.wsUrl("/ws"), quiet);
      const receipt = Promise.withResolvers<string | undefined>();
      lost.client.watchForReceipt("begun", ({ headers }) => receipt.resolve(headers["x-stream-after"]));
      lost.client.subscribe("/topic/t", () => undefined, { "x-stream-offset": "next", receipt: "begun" });
      const begun = await receipt.promise;
      await lost[Symbol.asyncDispose]();
      await sender.sendSafely("/topic/t", "meanwhile");
      await using back = await connectStomp(system.wsUrl("/ws"), quiet);
      const received = await back.subscribe("/topic/t", { "x-stream-after": begun! });
      await sender.sendSafely("/topic/t", "after");
      expect(await bodiesOf(received, 2)).toEqual(["meanwhile", "after"]);
    });

    test("to /direct gets what was for its client alone, and only that", async () => {
      await using system = startSystem([], ({ text }) => ({ to: "sender", body: `to you: ${text}` }));
      await using anna = await connectStomp(system.wsUrl("/ws/anna"), quiet);
      await using ben = await connectStomp(system.wsUrl("/ws/ben"), quiet);
      const live = await anna.subscribe("/direct");
      for (const number of numbers(0, 10)) anna.send("/topic/t", number);
      ben.send("/topic/t", "ben's");
      const answers = numbers(0, 10).map((number) => `to you: ${number}`);
      expect(await bodiesOf(live, 10)).toEqual(answers);
      await using again = await connectStomp(system.wsUrl("/ws/anna"), quiet);
      const durable = await again.subscribe("/direct", { "x-stream-offset": "first" });
      expect(await bodiesOf(durable, 10)).toEqual(answers);
      again.send("/topic/t", "more");
      expect((await bodiesOf(durable, 11)).at(-1)).toBe("to you: more");
      expect(durable.map(({ headers }) => headers["destination"])).toEqual(durable.map(() => "/direct"));
    });

    test("that is ended gets nothing more", async () => {
      await using system = await start();
      await using anna = await connectStomp(system.wsUrl("/ws"), quiet);
      const ended = await anna.subscribe("/topic/t", { "x-stream-offset": "next", id: "ended" });
      const other = await anna.subscribe("/topic/t", { "x-stream-offset": "next", id: "other" });
      anna.send("/topic/t", "one");
      await bodiesOf(ended, 1);
      anna.client.unsubscribe("ended");
      anna.send("/topic/t", "two");
      expect(await bodiesOf(other, 2)).toEqual(["one", "two"]);
      expect(ended.map(({ body }) => body)).toEqual(["one"]);
    });

    test("beside a live one of the same client: each gets every message once", async () => {
      await using system = await start();
      await using anna = await connectStomp(system.wsUrl("/ws"), quiet);
      await using ben = await connect(system.wsUrl("/ws?topic=t"));
      const live = await anna.subscribe("/topic/t");
      const durable = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
      ben.send("from plain text");
      anna.send("/topic/t", "from STOMP");
      expect((await bodiesOf(live, 2)).sort()).toEqual(["from STOMP", "from plain text"]);
      expect((await bodiesOf(durable, 2)).sort()).toEqual(["from STOMP", "from plain text"]);
      expect(live[0]!.headers["x-stream-offset"]).toBeUndefined();
    });

    test("with a position of another log begins with all of this one, and is told of the gap", async () => {
      await using system = await start();
      await using anna = await connectStomp(system.wsUrl("/ws"), quiet);
      await anna.sendSafely("/topic/t", "one");
      const received = await anna.subscribe("/topic/t", { "x-stream-after": "9007199254740991" });
      await anna.sendSafely("/topic/t", "two");
      expect(await bodiesOf(received, 2)).toEqual(["one", "two"]);
      expect(gapsIn(received)).toEqual(["true", ""]);
    });

    test("from a time on gets what is not older", async () => {
      await using system = await start();
      await using anna = await connectStomp(system.wsUrl("/ws"), quiet);
      await anna.sendSafely("/topic/t", "old");
      const second = () => Math.floor(Date.now() / 1000);
      const began = second();
      await until(() => second() > began + 1, "another second");
      const from = second();
      await anna.sendSafely("/topic/t", "new");
      const received = await anna.subscribe("/topic/t", { "x-stream-offset": `timestamp=${from}` });
      expect(await bodiesOf(received, 1)).toEqual(["new"]);
      const later = await anna.subscribe("/topic/t", { "x-stream-offset": `timestamp=${from + 3600}` });
      await anna.sendSafely("/topic/t", "newer");
      expect(await bodiesOf(later, 1)).toEqual(["newer"]);
      expect(gapsIn(received).join("")).toBe("");
    });

    test("of a client that does not read pauses, and goes on where it was", async () => {
      await using system = await start("--client-buffer-bytes", "16MiB", "--max-message-bytes", "1MiB");
      await using sender = await connectStomp(system.wsUrl("/ws"), quiet);
      await using witness = await connectStomp(system.wsUrl("/ws"), quiet);
      const seen = await witness.subscribe("/topic/t", { "x-stream-offset": "next" });
      const body = "x".repeat(100_000);
      for (const number of numbers(0, 40)) sender.send("/topic/t", `${number} ${body}`);
      await bodiesOf(seen, 40);
      await using slow = await connectStomp(system.wsUrl("/ws"), quiet);
      const received = await slow.subscribe("/topic/t", { "x-stream-offset": "first" });
      await bodiesOf(received, 40);
      for (const number of numbers(40, 50)) sender.send("/topic/t", `${number} ${body}`);
      const bodies = await bodiesOf(received, 50);
      expect(bodies.map((text) => text.split(" ")[0]!)).toEqual(numbers(0, 50));
    });
  });
}

describe("a durable subscription, with the log in RabbitMQ", () => {
  test("goes on without gap or repeat on another manager, however old its place is", async () => {
    const url = await freshVhost();
    await using one = await startManager("one", url);
    await using anna = await connectStomp(one.wsUrl("/ws"), quiet);
    const seen = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
    await publish(url, numbers(0, 300));
    await bodiesOf(seen, 300);
    // Its memory begins here, and holds some dozens of records.
    await using two = await startManager("two", url, "--log-memory-bytes", "64KiB");
    const peers = await Promise.all(
      [0, 100, 250, 298, 299].map(async (index) => {
        const peer = await connectStomp(two.wsUrl("/ws"), quiet);
        const received = await peer.subscribe("/topic/t", { "x-stream-after": positionOf(seen[index]!) });
        return { peer, received, index };
      }),
    );
    await publish(url, numbers(300, 600));
    for (const { peer, received, index } of peers) {
      expect(await bodiesOf(received, 599 - index)).toEqual(numbers(index + 1, 600));
      expect(gapsIn(received).join("")).toBe("");
      await peer[Symbol.asyncDispose]();
    }
    await using late = await connectStomp(two.wsUrl("/ws"), quiet);
    const all = await late.subscribe("/topic/t", { "x-stream-offset": "first" });
    expect(await bodiesOf(all, 600)).toEqual(numbers(0, 600));
    expect(gapsIn(all).join("")).toBe("");
    const byTime = await late.subscribe("/topic/#", { "x-stream-offset": "timestamp=1" });
    expect(await bodiesOf(byTime, 600)).toEqual(numbers(0, 600));
    expect(gapsIn(byTime).join("")).toBe("");
  });

  test("begins within a packed message where it had got to", async () => {
    const url = await freshVhost();
    await using one = await startManager("one", url);
    await using anna = await connectStomp(one.wsUrl("/ws"), quiet);
    const seen = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
    const batch = (from: number) => pack(numbers(from, from + 10).map((body) => ({ body, topic: "t" })));
    const publishPacked = (from: number) =>
      asAnotherProgram(url, (channel) => {
        channel.publish("towsmanager", "", batch(from), {
          contentType: packedContentType,
          messageId: `p-${from}`,
        });
      });
    await publishPacked(0);
    await publishPacked(10);
    await bodiesOf(seen, 20);
    await using two = await startManager("two", url);
    await using ben = await connectStomp(two.wsUrl("/ws"), quiet);
    for (const manager of [one, two]) {
      await using peer = await connectStomp(manager.wsUrl("/ws"), quiet);
      for (const index of [3, 9, 15]) {
        const received = await peer.subscribe("/topic/t", { "x-stream-after": positionOf(seen[index]!) });
        expect(await bodiesOf(received, 19 - index)).toEqual(numbers(index + 1, 20));
        expect(gapsIn(received).join("")).toBe("");
      }
    }
    const withIt = await ben.subscribe("/topic/t", { "x-stream-offset": positionOf(seen[15]!) });
    expect(await bodiesOf(withIt, 5)).toEqual(numbers(15, 20));
  });

  test("is told of the gap where the log no longer reaches back", async () => {
    const url = await freshVhost();
    await using one = await startManager("one", url, "--log-max-bytes", "1MiB");
    await using anna = await connectStomp(one.wsUrl("/ws"), quiet);
    const seen = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
    const body = "x".repeat(20_000);
    const texts = (from: number, to: number) => numbers(from, to).map((number) => `${number} ${body}`);
    await publish(url, texts(0, 10));
    await bodiesOf(seen, 10);
    // No faster than it is followed: what is overtaken by the log's end is another story.
    for (let from = 10; from < 300; from += 10) {
      await publish(url, texts(from, from + 10));
      await bodiesOf(seen, from + 10);
    }
    await using two = await startManager("two", url);
    await using ben = await connectStomp(two.wsUrl("/ws"), quiet);
    const received = await ben.subscribe("/topic/t", { "x-stream-after": positionOf(seen[0]!) });
    await until(() => received.at(-1)?.body.startsWith("299 ") === true, "the last one");
    const first = Number(received[0]!.body.split(" ")[0]);
    expect(first).toBeGreaterThan(1);
    expect(received.map(({ body: text }) => text.split(" ")[0]!)).toEqual(numbers(first, 300));
    expect(gapsIn(received).join("")).toBe("true");
    expect(gapsIn(received)[0]).toBe("true");
    const byTime = await ben.subscribe("/topic/t", { "x-stream-offset": "timestamp=1" });
    await until(() => byTime.at(-1)?.body.startsWith("299 ") === true, "the last one again");
    expect(gapsIn(byTime)[0]).toBe("true");
    expect(byTime.length).toBe(received.length);
  });

  test("from a time on gets what RabbitMQ got since, where its publisher gave no time", async () => {
    const url = await freshVhost();
    await using one = await startManager("one", url);
    await using anna = await connectStomp(one.wsUrl("/ws"), quiet);
    const witness = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
    const second = () => Math.floor(Date.now() / 1000);
    await publish(url, ["old"]);
    await bodiesOf(witness, 1);
    const began = second();
    await until(() => second() > began + 1, "another second");
    const from = second();
    await publish(url, ["new"]);
    await bodiesOf(witness, 2);
    // For the second manager all of it is older than its memory.
    await using two = await startManager("two", url);
    for (const manager of [one, two]) {
      await using peer = await connectStomp(manager.wsUrl("/ws"), quiet);
      const received = await peer.subscribe("/topic/t", { "x-stream-offset": `timestamp=${from}` });
      const all = await peer.subscribe("/topic/t", { "x-stream-offset": `timestamp=${began - 100}` });
      expect(await bodiesOf(received, 1)).toEqual(["new"]);
      expect(await bodiesOf(all, 2)).toEqual(["old", "new"]);
      expect(gapsIn([...received, ...all]).join("")).toBe("");
    }
  });

  test("is told of the gap and gets all of the new log when somebody deletes the log, also one that waits for what is to come", async () => {
    const url = await freshVhost();
    await using manager = await startManager("m", url);
    await using anna = await connectStomp(manager.wsUrl("/ws"), quiet);
    const atEnd = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
    await publish(url, numbers(0, 20));
    await bodiesOf(atEnd, 20);
    const ahead = await anna.subscribe("/topic/t", {
      "x-stream-offset": positionOf(atEnd[19]!),
      id: "ahead",
    });
    await bodiesOf(ahead, 1);
    const connection = await connectAmqp(url);
    const channel = await connection.createChannel();
    await channel.deleteQueue("wsmanager.log");
    await connection.close();
    let sent = 20;
    await until(async () => {
      // Where the log is gone what is published is in no queue.
      await publish(url, [String(sent++)]);
      return atEnd.length > 20 && ahead.length > 1;
    }, "the new log to be followed");
    await publish(url, ["last"]);
    await until(() => atEnd.at(-1)?.body === "last" && ahead.at(-1)?.body === "last", "the last one");
    const first = Number(atEnd[20]!.body);
    const expected = [...numbers(first, sent), "last"];
    expect(atEnd.slice(20).map(({ body }) => body)).toEqual(expected);
    expect(ahead.slice(1).map(({ body }) => body)).toEqual(expected);
    for (const [received, had] of [
      [atEnd, 20],
      [ahead, 1],
    ] as const) {
      expect(gapsIn(received).flatMap((gap, index) => (gap === "true" ? [index] : []))).toEqual([had]);
    }
    // By then the new log has something else at every place of the old one, in the first manager's memory and in the log alone.
    await publish(url, numbers(100, 130));
    await bodiesOf(atEnd, 20 + expected.length + 30);
    const all = [...expected, ...numbers(100, 130)];
    await using other = await startManager("other", url);
    for (const { wsUrl } of [manager, other]) {
      await using ben = await connectStomp(wsUrl("/ws"), quiet);
      for (const place of [0, 10, 19]) {
        const resumed = await ben.subscribe("/topic/t", { "x-stream-after": positionOf(atEnd[place]!) });
        expect(await bodiesOf(resumed, all.length)).toEqual(all);
        expect(gapsIn(resumed)).toEqual(["true", ...all.slice(1).map(() => "")]);
      }
      const goesOn = await ben.subscribe("/topic/t", { "x-stream-after": positionOf(atEnd[25]!) });
      expect(await bodiesOf(goesOn, all.length - 6)).toEqual(all.slice(6));
      expect(gapsIn(goesOn).join("")).toBe("");
    }
  });

  test("that was at the end goes on where RabbitMQ was away, in order and once", async () => {
    const node = await sharedRabbitmq();
    const url = await node.vhost();
    await using manager = await startManager("m", url);
    await using anna = await connectStomp(manager.wsUrl("/ws"), quiet);
    const received = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
    await publish(url, numbers(0, 10));
    await bodiesOf(received, 10);
    await node.closeConnections();
    await publish(url, numbers(10, 20));
    expect(await bodiesOf(received, 20)).toEqual(numbers(0, 20));
    expect(gapsIn(received).join("")).toBe("");
  });

  test("waits for a place that is ahead of its manager, and is not told of a gap", async () => {
    const url = await freshVhost();
    await using one = await startManager("one", url);
    await using anna = await connectStomp(one.wsUrl("/ws"), quiet);
    const seen = await anna.subscribe("/topic/t", { "x-stream-offset": "next" });
    await publish(url, ["known"]);
    await bodiesOf(seen, 1);
    const next = String(startAfter(positionOf(seen[0]!))!.offset + 1);
    await using ben = await connectStomp(one.wsUrl("/ws"), quiet);
    const received = await ben.subscribe("/topic/t", { "x-stream-offset": next });
    await publish(url, ["behind it"]);
    expect(await bodiesOf(received, 1)).toEqual(["behind it"]);
    expect(gapsIn(received)).toEqual([""]);
    // A manager that has just started knows of no message where its client is: this one looks there.
    await using fresh = await startManager("fresh", url);
    await using lost = await connectStomp(fresh.wsUrl("/ws"), quiet);
    const receipt = Promise.withResolvers<string | undefined>();
    lost.client.watchForReceipt("begun", ({ headers }) => receipt.resolve(headers["x-stream-after"]));
    lost.client.subscribe("/topic/t", () => undefined, { "x-stream-offset": "next", receipt: "begun" });
    const begun = await receipt.promise;
    expect(begun).toMatch(/^\d+-[0-9a-z]{1,6}$/);
    await publish(url, ["missed"]);
    const resumed = await ben.subscribe("/topic/t", { "x-stream-after": begun! });
    expect(await bodiesOf(resumed, 1)).toEqual(["missed"]);
    const ofAnother = await ben.subscribe("/topic/t", { "x-stream-after": begun!.replace(/-.*/, "-other") });
    expect(await bodiesOf(ofAnother, 3)).toEqual(["known", "behind it", "missed"]);
    expect([gapsIn(resumed), gapsIn(ofAnother)]).toEqual([[""], ["true", "", ""]]);
  });

  test("200 clients that come back at once share a few readings of the log", async () => {
    const url = await freshVhost();
    await using one = await startManager("one", url);
    await publish(url, numbers(0, 200));
    await using two = await startManager("two", url);
    await using first = await connectStomp(one.wsUrl("/ws"), quiet);
    const seen = await first.subscribe("/topic/t", { "x-stream-offset": "first" });
    await bodiesOf(seen, 200);
    const readingsOf = async () => {
      const text = await (await fetch(two.wsUrl("/metrics").replace("ws", "http"))).text();
      return Number(/^warren_log_readings (\d+)/m.exec(text)?.[1]);
    };
    const peers = await Promise.all(
      numbers(0, 200).map(async (_, index) => {
        const peer = await connectStomp(two.wsUrl("/ws"), quiet);
        const received = await peer.subscribe("/topic/t", { "x-stream-after": positionOf(seen[index]!) });
        return { peer, received, index };
      }),
    );
    expect(await readingsOf()).toBeLessThanOrEqual(4);
    await publish(url, numbers(200, 210));
    for (const { peer, received, index } of peers) {
      expect(await bodiesOf(received, 209 - index)).toEqual(numbers(index + 1, 210));
      await peer[Symbol.asyncDispose]();
    }
    await until(async () => (await readingsOf()) === 0, "all readings to have ended");
  });

  test("is refused where there is no log, and live ones go on", async () => {
    const url = await freshVhost();
    await using manager = await startManager("m", url, "--log", "off");
    await using anna = await connectStomp(manager.wsUrl("/ws"), quiet);
    const live = await anna.subscribe("/topic/t");
    await publish(url, ["hello"]);
    expect(await bodiesOf(live, 1)).toEqual(["hello"]);
    await using ben = await connectStomp(manager.wsUrl("/ws"), quiet);
    ben.client.subscribe("/topic/t", () => undefined, { "x-stream-offset": "next" });
    expect((await ben.failed).headers["message"]).toContain("--log off");
  });
});
