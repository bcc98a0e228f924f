import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { bodiesOf, connectStomp } from "../support/stomp-client.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const silent = () => undefined;

/** What a library does that is handed a WebSocket, as old versions of stompjs were. */
const bare = (url: string) => ({ webSocketFactory: () => new WebSocket(url) });

describe("a STOMP client that asks for no subprotocol", () => {
  test("is one by its CONNECT, which nobody hears", async () => {
    await using system = startSystem([], ({ text }) =>
      text === "ask" ? { to: "sender", body: "answer" } : undefined,
    );
    await using listener = await connect(system.wsUrl("/ws"));
    await using anna = await connectStomp("", {
      ...bare(system.wsUrl("/ws/anna")),
      connectHeaders: { login: "anna", passcode: "a secret" },
    });
    await using ben = await connectStomp("", { ...bare(system.wsUrl("/ws")), forceBinaryWSFrames: true });
    expect((await anna.connected).headers).toMatchObject({ version: "1.2", "client-id": "anna" });
    expect((await ben.connected).headers["client-id"]).toHaveLength(36);
    const [annas, direct] = [await anna.subscribe("/topic/colour.red"), await anna.subscribe("/direct")];
    await ben.sendSafely("/topic/colour.red", "crimson");
    expect(await bodiesOf(annas, 1)).toEqual(["crimson"]);
    anna.send("/broadcast", "ask");
    expect(await bodiesOf(direct, 1)).toEqual(["answer"]);
    expect(listener.received).toEqual(["ask"]);
  });

  test("hears no plain text once it is connected, and leaves nothing behind", async () => {
    await using system = startSystem([], silent);
    await using sender = await connect(system.wsUrl("/ws"));
    await using raw = await connect(system.wsUrl("/ws"));
    raw.send(
      "\r\n\nCONNECT\naccept-version:1.2\n\n\0SUBSCRIBE\nid:1\ndestination:/topic/a\nreceipt:in\n\n\0",
    );
    expect(await raw.next((text) => String(text).startsWith("CONNECTED"))).toBeString();
    expect(await raw.next((text) => String(text).startsWith("RECEIPT"))).toBeString();
    sender.send("on broadcast");
    raw.send("SEND\ndestination:/topic/a\n\nx\0");
    expect(await raw.next()).toStartWith("MESSAGE");
    expect(raw.received.join()).not.toContain("on broadcast");
    expect(await metricsOf(system.url)).toMatchObject({ warren_clients: 2, warren_topics: 1 });
    await raw.close();
    await until(async () => (await metricsOf(system.url))["warren_clients"] === 1, "it has gone");
    expect(await metricsOf(system.url)).toMatchObject({ warren_audiences: 0 });
  });

  test("is connected though plain text came to it before its CONNECT", async () => {
    await using system = startSystem([], silent);
    await using sender = await connect(system.wsUrl("/ws"));
    const socket = new WebSocket(system.wsUrl("/ws"));
    // Its CONNECT leaves only when it has heard something.
    const send = socket.send.bind(socket);
    const heard = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
    socket.send = (data) => void heard.then(() => send(data));
    socket.addEventListener("open", () => sender.send("before"));
    await using anna = await connectStomp("", { webSocketFactory: () => socket });
    expect((await anna.connected).command).toBe("CONNECTED");
    const received = await anna.subscribe("/topic/a");
    anna.send("/topic/a", "x");
    expect(await bodiesOf(received, 1)).toEqual(["x"]);
  });

  test("is none for a text that only resembles a CONNECT", async () => {
    await using system = startSystem([], silent);
    await using anna = await connect(system.wsUrl("/ws"));
    await using ben = await connect(system.wsUrl("/ws"));
    for (const text of ["CONNECT", "CONNECT\nus, please"]) {
      anna.send(text);
      expect(await ben.next()).toBe(text);
    }
    anna.send("CONNECT\naccept-version:1.2\n\n\0");
    // Not its first message.
    expect(await ben.next()).toStartWith("CONNECT\naccept");
  });
});

describe("a STOMP client", () => {
  test("gets what is sent to its topic, by itself too, with a receipt for each", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws/anna"));
    await using ben = await connectStomp(system.wsUrl("/ws/ben"));
    const [annas, bens] = [
      await anna.subscribe("/topic/colour.red"),
      await ben.subscribe("/topic/colour.red"),
    ];
    await anna.sendSafely("/topic/colour.red", "crimson");
    await ben.sendSafely("/topic/colour.red", "scarlet");
    expect(await bodiesOf(annas, 2)).toEqual(["crimson", "scarlet"]);
    expect(await bodiesOf(bens, 2)).toEqual(["crimson", "scarlet"]);
    expect(bens[0]!.headers).toEqual({
      subscription: "sub-0",
      "message-id": "manager-1",
      destination: "/topic/colour.red",
      "content-type": "text/plain",
      "content-length": "7",
      "client-id": "anna",
      timestamp: expect.stringMatching(/^\d{10}$/),
    });
    expect(await anna.connected).toMatchObject({
      command: "CONNECTED",
      headers: { version: "1.2", "client-id": "anna" },
    });
  });

  test("hears nothing of other topics, nor of a subscription that it has ended", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"));
    const red = await anna.subscribe("/topic/red", { id: "r" });
    const blue = await anna.subscribe("/topic/blue", { id: "b" });
    anna.send("/topic/red", "one");
    await bodiesOf(red, 1);
    await anna.receiptFor((receipt) => anna.client.unsubscribe("r", { receipt }));
    anna.send("/topic/red", "two");
    await anna.sendSafely("/topic/blue", "three");
    expect(await bodiesOf(blue, 1)).toEqual(["three"]);
    expect(red.map(({ body }) => body)).toEqual(["one"]);
  });

  test("gets a message once for each of its subscriptions that match, with patterns among them", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"));
    const exact = await anna.subscribe("/topic/stock.nasdaq.acme");
    const one = await anna.subscribe("/topic/stock.*.acme");
    const many = await anna.subscribe("/topic/stock.#");
    const all = await anna.subscribe("/topic/#");
    for (const destination of [
      "/topic/stock.nasdaq.acme",
      "/topic/stock.nyse.acme",
      "/topic/stock",
      "/broadcast",
    ])
      await anna.sendSafely(destination, destination);
    expect(await bodiesOf(all, 4)).toEqual([
      "/topic/stock.nasdaq.acme",
      "/topic/stock.nyse.acme",
      "/topic/stock",
      "/broadcast",
    ]);
    expect(exact.map(({ body }) => body)).toEqual(["/topic/stock.nasdaq.acme"]);
    expect(one.map(({ body }) => body)).toEqual(["/topic/stock.nasdaq.acme", "/topic/stock.nyse.acme"]);
    expect(many.map(({ headers }) => headers["destination"])).toEqual([
      "/topic/stock.nasdaq.acme",
      "/topic/stock.nyse.acme",
      "/topic/stock",
    ]);
  });

  test("gets the processed message, and what is addressed to it alone at /direct", async () => {
    await using system = startSystem([], ({ text, clientId }) => [
      `all: ${text}`,
      { to: "sender", body: `only ${clientId}: ${text}` },
    ]);
    await using anna = await connectStomp(system.wsUrl("/ws/anna"));
    await using ben = await connectStomp(system.wsUrl("/ws/ben"));
    const annas = await anna.subscribe("/direct");
    const bens = await ben.subscribe("/direct");
    const topic = await ben.subscribe("/topic/a");
    await anna.sendSafely("/topic/a", "hello");
    expect(await bodiesOf(topic, 2)).toEqual(["hello", "all: hello"]);
    expect(await bodiesOf(annas, 1)).toEqual(["only anna: hello"]);
    expect(annas[0]!.headers["destination"]).toBe("/direct");
    expect(bens).toEqual([]);
  });

  test("keeps its headers, and cannot set what is not its to set", async () => {
    const heard: unknown[] = [];
    await using system = startSystem(
      [],
      ({ headers, clientId, id }) => void heard.push({ headers, clientId, id }),
    );
    await using anna = await connectStomp(system.wsUrl("/ws/anna"));
    const received = await anna.subscribe("/topic/a");
    await anna.sendSafely("/topic/a", '{"a":1}', {
      colour: "red: \\ and\nblue",
      größe: "5",
      __proto__x: "y",
      "content-type": "application/json",
      "message-id": "forged",
      "client-id": "forged",
      subscription: "forged",
      "x-stream-offset": "9",
    });
    await bodiesOf(received, 1);
    expect(received[0]!.headers).toEqual({
      subscription: "sub-0",
      "message-id": "manager-1",
      destination: "/topic/a",
      "content-type": "application/json",
      "content-length": "7",
      "client-id": "anna",
      timestamp: expect.stringMatching(/^\d{10}$/),
      colour: "red: \\ and\nblue",
      größe: "5",
      __proto__x: "y",
    });
    await until(() => heard.length === 1, "the processor got it");
    expect(heard).toEqual([
      {
        headers: {
          colour: "red: \\ and\nblue",
          größe: "5",
          __proto__x: "y",
          "content-type": "application/json",
        },
        clientId: "anna",
        id: "manager-1",
      },
    ]);
  });

  test("gets bytes as bytes and text with NULs whole", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"));
    await using plain = await connect(system.wsUrl("/ws?topic=a"));
    const received = await anna.subscribe("/topic/a");
    const bytes = new Uint8Array([0, 255, 0, 10]);
    anna.send("/topic/a", bytes, { "content-type": "application/octet-stream" });
    anna.send("/topic/a", "a\0b\0");
    await bodiesOf(received, 2);
    expect(received[0]!.binaryBody).toEqual(bytes);
    expect(received[0]!.headers["content-type"]).toBe("application/octet-stream");
    expect(received[1]!.body).toBe("a\0b\0");
    expect(await plain.next()).toEqual(bytes);
    expect(await plain.next()).toBe("a\0b\0");
  });

  test("may send everything as binary WebSocket frames, and frames in pieces", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"), {
      forceBinaryWSFrames: true,
      splitLargeFrames: true,
      maxWebSocketChunkSize: 7,
    });
    const received = await anna.subscribe("/broadcast");
    await anna.sendSafely("/broadcast", "größer als ein Stück 😀".repeat(100));
    expect(await bodiesOf(received, 1)).toEqual(["größer als ein Stück 😀".repeat(100)]);
  });

  test("may speak version 1.1", async () => {
    await using system = startSystem([], silent);
    const { Versions } = await import("@stomp/stompjs");
    await using anna = await connectStomp(system.wsUrl("/ws"), { stompVersions: new Versions(["1.1"]) });
    const received = await anna.subscribe("/broadcast");
    // stompjs escapes nothing in 1.1, though it should.
    await anna.sendSafely("/broadcast", "old", { key: "value" });
    await bodiesOf(received, 1);
    expect((await anna.connected).headers["version"]).toBe("1.1");
    expect(received[0]!.headers["key"]).toBe("value");
  });

  test("gets a burst in order", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"));
    await using ben = await connectStomp(system.wsUrl("/ws"));
    const received = await ben.subscribe("/topic/#");
    const sent = Array.from({ length: 5000 }, (_, index) => `message ${index} ${"x".repeat(index % 300)}`);
    for (const [index, text] of sent.entries()) anna.send(`/topic/a.${index % 7}`, text);
    expect(await bodiesOf(received, sent.length)).toEqual(sent);
    const ids = received.map(({ headers }) => headers["message-id"]);
    expect(new Set(ids).size).toBe(sent.length);
    expect(ids.every((id) => /^manager-(b\d+-)?\d+$/.test(id!))).toBe(true);
  });
});

describe("plain-text and STOMP clients", () => {
  test("see the same world", async () => {
    await using system = startSystem();
    await using plain = await connect(system.wsUrl("/ws?topic=a.b"));
    await using broadcast = await connect(system.wsUrl("/ws"));
    await using anna = await connectStomp(system.wsUrl("/ws"));
    const [onTopic, onBroadcast] = [await anna.subscribe("/topic/a.*"), await anna.subscribe("/broadcast")];
    plain.send("from plain");
    expect(await bodiesOf(onTopic, 2)).toEqual(["from plain", "processed message: from plain"]);
    anna.send("/topic/a.b", "from anna");
    expect(await plain.next((message) => message === "from anna")).toBe("from anna");
    expect(await plain.next()).toBe("processed message: from anna");
    broadcast.send("to all");
    expect(await bodiesOf(onBroadcast, 2)).toEqual(["to all", "processed message: to all"]);
    anna.send("/broadcast", "and back");
    expect(await broadcast.next((message) => message === "and back")).toBe("and back");
    const ids = [...onTopic, ...onBroadcast].map(({ headers }) => headers["message-id"]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("a transaction", () => {
  test("sends at its COMMIT, whose receipt says that all is confirmed", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"));
    const received = await anna.subscribe("/topic/#");
    const transaction = anna.client.begin("tx");
    anna.send("/topic/a", "one", { transaction: "tx" });
    anna.send("/topic/b", "two", { transaction: "tx" });
    await anna.sendSafely("/topic/c", "outside");
    expect(received.map(({ body }) => body)).toEqual(["outside"]);
    transaction.commit();
    expect(await bodiesOf(received, 3)).toEqual(["outside", "one", "two"]);
  });

  test("that is aborted sends nothing", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"));
    const received = await anna.subscribe("/topic/#");
    const transaction = anna.client.begin("tx");
    anna.send("/topic/a", "one", { transaction: "tx" });
    transaction.abort();
    await anna.sendSafely("/topic/c", "outside");
    expect(received.map(({ body }) => body)).toEqual(["outside"]);
  });
});

describe("heart-beats", () => {
  test("go both ways, and keep a session that is otherwise silent", async () => {
    await using system = startSystem([], silent);
    await using anna = await connectStomp(system.wsUrl("/ws"), {
      heartbeatIncoming: 1000,
      heartbeatOutgoing: 1000,
    });
    let isClosed = false;
    void anna.closed.then(() => {
      isClosed = true;
    });
    await Bun.sleep(4000);
    expect(isClosed).toBe(false);
  });

  test("that stop end the session", async () => {
    await using system = startSystem([], silent);
    await using raw = await connect(system.wsUrl("/ws"), { protocols: ["v12.stomp"] });
    raw.send("CONNECT\naccept-version:1.2\nheart-beat:1000,1000\n\n\0");
    await raw.next((text) => String(text).startsWith("CONNECTED"));
    expect(await raw.next()).toBe("\n");
    expect(String(await raw.next((text) => String(text).startsWith("ERROR")))).toContain("no heart-beat");
    expect((await raw.closed).code).toBe(4408);
  });
});

describe("a full outbox", () => {
  test("holds back STOMP clients that send, and loses nothing", async () => {
    const gate = Promise.withResolvers<void>();
    await using system = startSystem(
      ["--outbox-max-bytes", "1MiB", "--prefetch-bytes", "1MiB", "--concurrency", "1"],
      async () => void (await gate.promise),
    );
    await using anna = await connectStomp(system.wsUrl("/ws"));
    const count = 2000;
    let receipts = 0;
    for (let index = 0; index < count; index++) {
      void anna.sendSafely("/broadcast", `${index}`.padEnd(64 * 1024, "x")).then(() => receipts++);
    }
    await until(() => system.broker.status().state === "blocked", "the processors' queue to be full");
    const before = receipts;
    expect(before).toBeLessThan(count);
    gate.resolve();
    await until(() => receipts === count, "all receipts", 20_000);
  });
});
