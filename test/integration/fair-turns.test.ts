import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Client, connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, frameBytes, opcodes } from "../support/raw.ts";
import { startSystem } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const silent = () => undefined;
const connectFrame = "CONNECT\naccept-version:1.2\n\n\0";
const send = (body: string | number, headers = "") => `SEND\ndestination:/broadcast\n${headers}\n${body}\0`;
const numbers = (count: number) => Array.from({ length: count }, (_, index) => `${index}`);

async function stomp(url: string): Promise<Client> {
  const client = await connect(url, { protocols: ["v12.stomp"] });
  client.send(connectFrame);
  await client.next();
  return client;
}

describe("a limit of 10 messages a second", () => {
  const packagings: readonly (readonly [what: string, input: string])[] = [
    [
      "SENDs in one WebSocket message",
      numbers(2000)
        .map((each) => send(each))
        .join(""),
    ],
    [
      "SENDs of transactions",
      numbers(1000)
        .map(
          (each) => `BEGIN\ntransaction:t\n\n\0${send(each, "transaction:t\n")}COMMIT\ntransaction:t\n\n\0`,
        )
        .join(""),
    ],
    [
      "SENDs between BEGIN and ABORT",
      numbers(1000)
        .map((each) => `BEGIN\ntransaction:t\n\n\0ABORT\ntransaction:t\n\n\0${send(each)}`)
        .join(""),
    ],
    [
      "SENDs between SUBSCRIBE and UNSUBSCRIBE",
      numbers(1000)
        .map((each) => `SUBSCRIBE\nid:s\ndestination:/topic/a.*\n\n\0UNSUBSCRIBE\nid:s\n\n\0${send(each)}`)
        .join(""),
    ],
  ];

  test.each(packagings)("lets about as many %s through", async (_, input) => {
    await using system = startSystem(["--max-messages-per-second", "10", "--flood-timeout", "0"], silent);
    await using ben = await connect(system.wsUrl("/ws"));
    // She is not read from, so that she could not close: the system's end does.
    const anna = await stomp(system.wsUrl("/ws"));
    const beganMs = performance.now();
    anna.send(input);
    await until(() => ben.received.length >= 3, "some to arrive");
    await Bun.sleep(1500);
    const seconds = (performance.now() - beganMs) / 1000;
    // A second's worth at once, and the one that was too many, beside what the time allows.
    expect(ben.received.length).toBeLessThanOrEqual(12 + 10 * (seconds + 0.25));
    expect(ben.received).toEqual(numbers(ben.received.length));
    expect((await metricsOf(system.url))["warren_clients_over_rate"]).toBe(1);
  });

  test("counts pongs that nobody asked for", async () => {
    await using system = startSystem(["--max-messages-per-second", "10"], silent);
    await using raw = await connectRaw(system.url.href, "/ws");
    for (let count = 0; count < 20; count++) raw.sendFrame(opcodes.pong, "");
    const isOver = async () => (await metricsOf(system.url))["warren_clients_over_rate"] === 1;
    await until(isOver, "it to be slowed down");
  });

  test("does not keep a client from ending its session, nor a flood from being closed", async () => {
    await using system = startSystem(["--max-messages-per-second", "10", "--flood-timeout", "1s"], silent);
    await using anna = await stomp(system.wsUrl("/ws"));
    await using ben = await stomp(system.wsUrl("/ws"));
    anna.send(
      `${numbers(15)
        .map((each) => send(each))
        .join("")}DISCONNECT\nreceipt:end\n\n\0`,
    );
    ben.send(
      numbers(2000)
        .map((each) => send(each))
        .join(""),
    );
    expect(String(await anna.next())).toContain("receipt-id:end");
    expect((await anna.closed).code).toBe(1000);
    expect((await ben.closed).code).toBe(4429);
    const { warren_messages_received_total: taken } = await metricsOf(system.url);
    expect(taken).toBeLessThan(60);
    await until(
      async () => (await metricsOf(system.url))["warren_clients_over_rate"] === 0,
      "nobody to be held",
    );
  });
});

describe("what a client sends at once and then closes the connection", () => {
  const flags = ["--max-messages-per-second", "400"];

  test.each([
    ["plain text", "/ws", []],
    ["STOMP", "/ws", ["v12.stomp"]],
  ])("arrives whole and in order over %s, though it is over its rate", async (_, path, protocols) => {
    await using system = startSystem(flags, silent);
    await using ben = await connect(system.wsUrl("/ws"));
    const anna = await connect(system.wsUrl(path), { protocols });
    const sent = numbers(1000);
    if (protocols.length === 0) for (const text of sent) anna.send(text);
    else anna.send(connectFrame + sent.map((each) => send(each)).join(""));
    await anna.close();
    await untilCount(() => ben.received.length, sent.length, "all of them to arrive");
    expect(ben.received).toEqual(sent);
    await until(async () => {
      const { warren_clients, warren_clients_over_rate } = await metricsOf(system.url);
      return warren_clients === 1 && warren_clients_over_rate === 0;
    }, "the client to have left");
  });
});

test("a client that its first frame turns STOMP while it waits is obeyed in order, with all that waits after it", async () => {
  await using system = startSystem(["--max-messages-per-second", "10"], silent);
  await using ben = await connect(system.wsUrl("/ws"));
  await using raw = await connectRaw(system.url.href, "/ws");
  const sent = numbers(15);
  const frames = [connectFrame, ...sent.map((each) => send(each)), "DISCONNECT\nreceipt:end\n\n\0"];
  // The pings are more than its rate, so that CONNECT waits already. One write, so that all is read together.
  raw.sendBytes(
    Buffer.concat([
      ...Array.from({ length: 15 }, () => frameBytes(opcodes.ping, "")),
      ...frames.map((frame) => frameBytes(opcodes.text, frame)),
    ]),
  );
  const said = () =>
    raw.frames
      .filter(({ opcode }) => opcode === opcodes.text)
      .map(({ payload }) => String(Buffer.from(payload)));
  await until(() => said().length >= 2, "CONNECTED and RECEIPT");
  expect(said()[0]).toStartWith("CONNECTED");
  expect(said()[1]).toContain("receipt-id:end");
  await untilCount(() => ben.received.length, sent.length, "all of them to arrive");
  expect(ben.received).toEqual(sent);
});

test("a manager that stops obeys all that it has read of a client over its rate", async () => {
  await using system = startSystem(["--max-messages-per-second", "400"], silent);
  // They are not read from, so that they could not close: the system's end does.
  const ben = await connect(system.wsUrl("/ws"));
  const anna = await stomp(system.wsUrl("/ws"));
  const sent = numbers(8000);
  anna.send(sent.map((each) => send(each)).join(""));
  const isOver = async () => (await metricsOf(system.url))["warren_clients_over_rate"] === 1;
  await until(isOver, "her to be slowed down");
  expect(ben.received.length).toBeLessThan(4000);
  // At her rate it would take 19 seconds.
  expect(await system.manager.drain(10_000)).toBe(true);
  await untilCount(() => ben.received.length, sent.length, "all of them to arrive");
  expect(ben.received).toEqual(sent);
  expect(system.logger.complaints).toEqual([]);
});

test("one WebSocket message with very many frames does not keep another client waiting", async () => {
  await using system = startSystem(["--max-messages-per-second", "0", "--max-bytes-per-second", "0"], silent);
  await using anna = await stomp(system.wsUrl("/ws"));
  await using ben = await connect(system.wsUrl("/ws?topic=b"));
  await using carol = await connect(system.wsUrl("/ws?topic=b"));
  const count = 30_000;
  anna.send(
    numbers(count)
      .map((each) => send(each))
      .join(""),
  );
  ben.send("between");
  expect(await carol.next()).toBe("between");
  const { warren_messages_received_total: taken } = await metricsOf(system.url);
  await until(
    async () => (await metricsOf(system.url))["warren_messages_received_total"] === count + 1,
    "all to be taken",
  );
  expect(taken).toBeLessThan(count);
});

test("a message goes to 25 subscriptions of a client at most: one more is refused", async () => {
  await using system = startSystem([], silent);
  await using anna = await stomp(system.wsUrl("/ws"));
  const subscribe = (id: number, destination: string) =>
    `SUBSCRIBE\nid:${id}\ndestination:${destination}\n\n\0`;
  const topics = numbers(30).map((each) => subscribe(Number(each), `/topic/a.${each}`));
  const wide = numbers(24).map((each) => subscribe(100 + Number(each), "/topic/#"));
  anna.send(`${[...topics, ...wide].join("")}${send("to all")}`);
  await until(
    () => anna.received.filter((each) => String(each).includes("to all")).length === 24,
    "all copies",
  );
  anna.send(subscribe(1000, "/topic/a.*") + subscribe(1001, "/topic/#.a.#"));
  const error = await anna.next((each) => String(each).startsWith("ERROR"));
  expect(String(error)).toContain("more than 25 subscriptions that one message may match");
});
