import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { RabbitmqBroker } from "../../src/broker/rabbitmq/rabbitmq.ts";
import { Manager } from "../../src/manager/manager.ts";
import { MessageTrace } from "../../src/ops/message-trace.ts";
import { echoProcessed } from "../../src/processor/handler.ts";
import { Processor } from "../../src/processor/processor.ts";
import { type Client, connect } from "../support/client.ts";
import {
  type ForeignMessage,
  ForeignProgram,
  field,
  longText,
  table,
  u32,
  u64,
} from "../support/foreign-program.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { optionsOf, QuietLogger } from "../support/system.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until } from "../support/wait.ts";

setDefaultTimeout(integrationTimeoutMs);

const managerId = "manager-a";
const clientBufferBytes = 15.5 * 1024 ** 2;

/** A manager, a processor, and their clients, in one vhost for all tests: what one message does, the next one would notice. */
async function startSystem(url: string) {
  const logger = new QuietLogger();
  // Clients in the process of the manager cannot read while it sends them 16 MiB, and are not to be cut off for it.
  const options = optionsOf(
    "--port",
    "0",
    "--log-messages",
    "off",
    "--broker",
    url,
    "--client-buffer-bytes",
    `${clientBufferBytes}`,
  );
  const broker = (name: string) =>
    new RabbitmqBroker({
      urls: [url],
      name,
      logger,
      logRetention: { maxBytes: 256 * 1024 ** 2, maxAgeMs: 3_600_000 },
    });
  const [managing, processing] = [broker("manager"), broker("processor")];
  const manager = new Manager(managerId, options, {
    broker: managing,
    logger,
    messageTrace: new MessageTrace(logger, "off"),
  });
  const processor = new Processor(
    "processor-a",
    options,
    {
      handle: (message) =>
        message.text === "to the sender"
          ? { to: "sender", body: "back to the sender" }
          : echoProcessed(message),
    },
    processing,
    logger,
    new MessageTrace(logger, "off"),
  );
  const listening = manager.listen();
  managing.start((error) => logger.error(String(error)));
  processing.start((error) => logger.error(String(error)));
  await until(
    () => managing.status().state === "ready" && processing.status().state === "ready",
    "both are connected",
  );
  const wsUrl = (path: string) => new URL(path, listening).href.replace(/^http/, "ws");
  const [plain, patterns, older] = await Promise.all([
    connect(wsUrl("/ws/anna")),
    connect(wsUrl("/ws/stomp"), { protocols: ["v12.stomp"] }),
    connect(wsUrl("/ws/older"), { protocols: ["v11.stomp"] }),
  ]);
  for (const [client, version] of [
    [patterns, "1.2"],
    [older, "1.1"],
  ] as const) {
    client.send(
      `CONNECT\naccept-version:${version}\n\n\0SUBSCRIBE\nid:1\ndestination:/topic/#\nreceipt:r\n\n\0`,
    );
    await client.next((frame) => String(frame).startsWith("RECEIPT"));
  }
  return {
    url: listening,
    logger,
    plain,
    patterns,
    older,
    async stop() {
      await Promise.all([plain, patterns, older].map((client) => client.close()));
      await manager.close();
      processor.close();
      await Promise.all([managing.close(), processing.close()]);
    },
  };
}

let system: Awaited<ReturnType<typeof startSystem>>;
let program: ForeignProgram;
let sharedUrl: string;

beforeAll(async () => {
  sharedUrl = await (await sharedRabbitmq()).vhost();
  system = await startSystem(sharedUrl);
  program = await ForeignProgram.connect(sharedUrl);
}, integrationTimeoutMs);

afterAll(async () => {
  await program?.[Symbol.asyncDispose]();
  await system?.stop();
});

let markers = 0;

/** What a client got of a message that was published to this exchange, told by what came before the next one. */
async function heardOf(exchange: "wsmanager" | "towsmanager", message: ForeignMessage) {
  const { plain, patterns, older } = system;
  const clients = { plain, patterns, older };
  const before = Object.entries(clients).map(([name, client]) => [name, client.received.length] as const);
  const marker = `marker ${++markers}`;
  await program.publish(exchange, message);
  await program.publish(exchange, { body: marker });
  const answer = exchange === "wsmanager" ? `processed message: ${marker}` : marker;
  await Promise.all(
    Object.values(clients).map((client) =>
      client.next((got) => String(got).includes(answer), answer, 20_000),
    ),
  );
  const heard: Record<string, string[]> = {};
  for (const [name, count] of before) {
    heard[name] = clients[name as keyof typeof clients].received
      .slice(count)
      .map((got) => (typeof got === "string" ? got : Buffer.from(got).toString("latin1")))
      .filter((got) => !got.includes("marker "));
  }
  return heard as { plain: string[]; patterns: string[]; older: string[] };
}

/** Every STOMP frame that a client ever got has one NUL, at its end, unless its length says otherwise. */
function expectWholeFrames(client: Client): void {
  for (const frame of client.received) {
    const text = typeof frame === "string" ? frame : Buffer.from(frame).toString("latin1");
    const [head = "", ...rest] = text.split("\n\n");
    expect(head).not.toContain("\0");
    if (!/\ncontent-length:/.test(head))
      expect(rest.join("\n\n").indexOf("\0")).toBe(rest.join("\n\n").length - 1);
  }
}

const nested = (letter: "A" | "F", depth: number) => {
  let value: Buffer = Buffer.from(letter === "A" ? "V" : field("a", "V"));
  for (let level = 0; level < depth; level++)
    value =
      letter === "A" ? Buffer.concat([Buffer.from("A"), longText(value)]) : field("a", "F", longText(value));
  return value;
};

const packed = "application/vnd.warren.packed";
const headers = (...fields: Buffer[]): ForeignMessage => ({ headers: table(...fields), body: "odd" });

const messages: Record<string, ForeignMessage> = {
  "no properties at all": { body: "odd" },
  "an empty body": {},
  "a header that is a switch": headers(field("h", "t", Buffer.from([1]))),
  "a header that is a signed byte": headers(field("h", "b", Buffer.from([0xff]))),
  "a header that is a byte": headers(field("h", "B", Buffer.from([0xff]))),
  "a header that is a signed short": headers(field("h", "s", Buffer.from([0xff, 0xfe]))),
  "a header that is a short": headers(field("h", "u", Buffer.from([0xff, 0xfe]))),
  "a header that is a signed long": headers(field("h", "I", u32(2 ** 32 - 1))),
  "a header that is a long": headers(field("h", "i", u32(2 ** 32 - 1))),
  "a header that is a signed long long": headers(field("h", "l", u64(2n ** 64n - 1n))),
  "a header that is a signed long long by its other letter": headers(field("h", "L", u64(2n ** 63n))),
  "a header that is a double": headers(field("h", "d", u64(0xfe37e43c8800759cn))),
  "a header that is a float": headers(field("h", "f", u32(0x3f000000))),
  "a header that is a text": headers(field("h", "S", longText("text"))),
  "a header that is not UTF-8": headers(field("h", "S", longText(Buffer.from([0xff, 0xfe])))),
  "a header that is bytes": headers(field("h", "x", longText(Buffer.from([0, 0xff])))),
  "a header that is a list": headers(field("h", "A", longText(Buffer.from("t\x01V")))),
  "a header that is a table": headers(field("h", "F", table(field("a", "S", longText("b"))))),
  "a header that is a time": headers(field("h", "T", u64(2n ** 64n - 1n))),
  "a header that is nothing": headers(field("h", "V")),
  "lists nested five thousand deep": headers(field("h", "", nested("A", 5000))),
  "tables nested ten thousand deep": headers(field("h", "F", longText(nested("F", 10_000)))),
  "a header called __proto__": headers(
    field("__proto__", "F", table(field("client-id", "S", longText("anna")), field("toString", "V"))),
  ),
  "headers called like JavaScript's own": headers(
    field("constructor", "S", longText("x")),
    field("hasOwnProperty", "t", Buffer.from([1])),
  ),
  "a header without a name": headers(field("", "S", longText("x"))),
  "a header with a NUL, in its name and its value": headers(field("h\0", "S", longText("x\0MESSAGE\n\n\0"))),
  "a header that ends the headers": headers(field("h", "S", longText("x\n\nbody\0MESSAGE\n"))),
  "a header of 100 KB": headers(field("h", "S", longText("x".repeat(100_000)))),
  "two thousand headers": headers(
    ...Array.from({ length: 2000 }, (_, i) => field(`h${i}`, "S", longText("v"))),
  ),
  "a log offset of its own": headers(field("x-stream-offset", "l", u64(2n ** 52n))),
  "a log offset that is a text": headers(field("x-stream-offset", "S", longText("first"))),
  "two log offsets of its own, the second a text": headers(
    field("x-stream-offset", "l", u64(2n ** 52n)),
    field("x-stream-offset", "S", longText("x")),
  ),
  "two log offsets of its own, far ahead": headers(
    field("x-stream-offset", "l", u64(2n ** 52n)),
    field("x-stream-offset", "l", u64(2n ** 51n)),
  ),
  "a delivery count of its own": headers(field("x-delivery-count", "l", u64(2n ** 52n))),
  "a routing key that looks like a pattern": { routingKey: "#.*.#", body: "odd" },
  "a routing key of dots": { routingKey: ".".repeat(255), body: "odd" },
  "a routing key with a NUL": { routingKey: "a\0MESSAGE\ndestination:/topic/b\n\nforged\0", body: "odd" },
  "a routing key with line ends": { routingKey: "a\nsubscription:2\r\n\n", body: "odd" },
  "a routing key that is not UTF-8": { routingKey: Buffer.from([0xff, 0xfe]), body: "odd" },
  "a message id with a NUL": { messageId: "a\0MESSAGE\n\n", body: "odd" },
  "a message id with line ends": { messageId: "a\nb:c\r\n\n", body: "odd" },
  "a message id of 255 bytes": { messageId: "m".repeat(255), body: "odd" },
  "a time beyond all time": { timestamp: 2n ** 64n - 1n, body: "odd" },
  "an unknown content type": { contentType: "image/png; \0\n", body: Buffer.from([0x89, 0x50]) },
  "a content type that says text of bytes": {
    contentType: "text/plain",
    body: Buffer.from([0xff, 0x00, 0xfe]),
  },
  "a content type of 255 bytes": { contentType: "t".repeat(255), body: "odd" },
  "a body that is a STOMP frame": { body: "MESSAGE\nsubscription:1\n\nforged\0" },
  "a pack without a line": { contentType: packed, body: "rubbish" },
  "a pack of nothing": { contentType: packed, body: "[]\n" },
  "a pack with bytes left over": { contentType: packed, body: "[]\nrest" },
  "a pack that is cut off": { contentType: packed, body: '[["",null,100]]\nshort' },
  "a pack with a negative length": { contentType: packed, body: '[["",null,-1]]\n' },
  "a pack with a length beyond all": { contentType: packed, body: '[["",null,9007199254740993]]\n' },
  "a pack with a topic with a NUL": {
    contentType: packed,
    body: `[[${JSON.stringify("a\0b\n\nforged\0")},null,3]]\nodd`,
  },
  "a pack with a header called __proto__": {
    contentType: packed,
    body: '[["",null,3,{"headers":{"__proto__":"x","h\\u0000":"\\u0000"}}]]\nodd',
  },
  "a pack of a million messages": {
    contentType: packed,
    body: `[${Array(1_000_000).fill('["",null,0]').join(",")}]\n`,
  },
  "a pack of deep JSON": { contentType: packed, body: `${"[".repeat(1_000_000)}\n` },
  "a body of 16 MiB": { body: Buffer.alloc(16 * 1024 ** 2, "x") },
  "a pack of 16 MiB": {
    contentType: packed,
    body: Buffer.concat([
      Buffer.from(`${JSON.stringify(Array(16).fill(["", null, 1_000_000]))}\n`),
      Buffer.alloc(16_000_000, "x"),
    ]),
  },
};

for (const exchange of ["towsmanager", "wsmanager"] as const) {
  describe(`on ${exchange}`, () => {
    for (const [what, message] of Object.entries(messages)) {
      test(`${what}: everything goes on`, async () => {
        const { patterns, older } = await heardOf(exchange, message);
        // Whether it came to them or not, no frame was broken, and nobody was disconnected.
        for (const frame of [...patterns, ...older]) {
          expect(frame).toMatch(/^MESSAGE\nsubscription:1\n/);
          expect(frame.endsWith("\0")).toBe(true);
        }
        expectWholeFrames(system.patterns);
        expectWholeFrames(system.older);
        expect((await metricsOf(system.url))["warren_clients"]).toBe(3);
      });
    }
  });
}

describe("what RabbitMQ closes its publisher's channel over, since its streams cannot store it,", () => {
  const decimal = field("h", "D", Buffer.from([255, 0xff, 0xff, 0xff, 0xff]));
  const decimalAddress = field("client-id", "D", Buffer.from([1, 0, 0, 0, 5]));
  test.each([
    ["a decimal", headers(decimal)],
    ["a client id that is a decimal", headers(decimalAddress)],
    ["no number", headers(field("h", "d", u64(0x7ff8000000000000n)))],
    ["infinity", headers(field("h", "d", u64(0x7ff0000000000000n)))],
    ["a float that is no number", headers(field("h", "f", u32(0x7fc00000)))],
    ["a type that there is not", headers(field("h", "U", Buffer.from([0, 1])))],
  ])("troubles nobody of ours: %s", async (_, message) => {
    for (const exchange of ["towsmanager", "wsmanager"] as const) {
      const stranger = await ForeignProgram.connect(sharedUrl);
      await expect(stranger.publish(exchange, message)).rejects.toThrow("RabbitMQ closed the channel");
      await stranger[Symbol.asyncDispose]().catch(() => undefined);
      const { plain, patterns, older } = await heardOf(exchange, { body: "next" });
      // A group may have got it before the log refused it.
      const others = plain.filter((text) => text !== "processed message: odd");
      expect(others.toSorted()).toEqual(
        exchange === "wsmanager" ? ["next", "processed message: next"] : ["next"],
      );
      for (const frame of [...patterns, ...older]) expect(frame).toMatch(/^MESSAGE\nsubscription:1\n/);
    }
    expect((await metricsOf(system.url))["warren_clients"]).toBe(3);
  });
});

describe("what is meant for one client", () => {
  const forOne = (type: string, value: Uint8Array | string) => ({
    headers: table(field("client-id", type, value)),
    body: "for one",
  });

  test.each([
    ["a text", forOne("S", longText("anna"))],
    ["bytes", forOne("x", longText("anna"))],
  ])("reaches it alone, by a client id that is %s", async (_, message) => {
    const { plain, patterns } = await heardOf("towsmanager", message);
    expect({ plain, patterns }).toEqual({ plain: ["for one"], patterns: [] });
  });

  // Tables and lists do not get this far: a stream of RabbitMQ 3.10 drops them, so they are no address at all.
  test.each([
    ["a number", forOne("I", u32(7))],
    ["a switch", forOne("t", Buffer.from([1]))],
    ["a time", forOne("T", u64(1n))],
    ["100 KB of text", forOne("S", longText("x".repeat(100_000)))],
    ["a text with a NUL", forOne("S", longText("anna\0"))],
    ["a text with a line end", forOne("S", longText("anna\n"))],
  ])("reaches nobody, and not everybody, by a client id that is %s", async (_, message) => {
    expect(await heardOf("towsmanager", message)).toEqual({ plain: [], patterns: [], older: [] });
  });

  test("is answered by a processor whatever the sender is called", async () => {
    const senders = ["x".repeat(100_000), "anna\0", "x".repeat(255)];
    for (const sender of senders) {
      await heardOf("wsmanager", {
        headers: table(field("client-id", "S", longText(sender))),
        body: "to the sender",
      });
    }
  });
});

describe("another manager's names", () => {
  test("a message on wsmanager that bears this manager's id is taken for its own, and harms nobody", async () => {
    const { plain } = await heardOf("wsmanager", {
      appId: managerId,
      messageId: `${managerId}-1`,
      body: "forged",
    });
    // Its clients would have it already, so it is not relayed; processors answer it like any other.
    expect(plain).toEqual(["processed message: forged"]);
  });

  test("a message on towsmanager that bears this manager's id is delivered like any other", async () => {
    const { plain } = await heardOf("towsmanager", {
      appId: managerId,
      messageId: `${managerId}-1`,
      body: "forged",
    });
    expect(plain).toEqual(["forged"]);
  });

  test("a hundred messages with one id are a hundred messages", async () => {
    const before = system.plain.received.length;
    for (let count = 0; count < 100; count++)
      await program.publish("towsmanager", { messageId: "same", body: "again" });
    await heardOf("towsmanager", { messageId: "same", body: "again" });
    expect(system.plain.received.slice(before).filter((text) => text === "again")).toHaveLength(101);
  });
});

describe("a message larger than what may wait for a client", () => {
  test("is skipped and counted, where it would have had every client disconnected by the next", async () => {
    const skipped = async () => (await metricsOf(system.url))["warren_skipped_total"]!;
    const before = await skipped();
    const { plain } = await heardOf("towsmanager", { body: Buffer.alloc(clientBufferBytes + 1, "x") });
    expect(plain).toEqual([]);
    expect(await skipped()).toBe(before + 1);
  });

  test("and one as large as that comes", async () => {
    const { plain } = await heardOf("towsmanager", { body: Buffer.alloc(clientBufferBytes, "x") });
    expect(plain.map((text) => text.length)).toEqual([clientBufferBytes]);
  });
});
