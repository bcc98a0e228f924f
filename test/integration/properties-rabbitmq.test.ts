import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ConsumeMessage, connect as connectAmqp } from "amqplib";
import { connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { need, pythonWithKombu, pythonWithPika } from "../support/requirements.ts";
import { run } from "../support/run.ts";
import { bodiesOf, connectStomp } from "../support/stomp-client.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, within } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

let url: string;
let heard: ConsumeMessage[];
let program: Awaited<ReturnType<typeof anotherProgram>>;
beforeEach(async () => {
  url = await (await sharedRabbitmq()).vhost();
  heard = [];
  program = await anotherProgram();
});
afterEach(() => program.connection.close());

/** Another program, which hears what clients send and publishes to them. */
async function anotherProgram() {
  const connection = await connectAmqp(url);
  const channel = await connection.createConfirmChannel();
  for (const exchange of ["wsmanager", "towsmanager"]) await channel.assertExchange(exchange, "fanout");
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "wsmanager", "");
  await channel.consume(queue, (message) => void (message && heard.push(message)), { noAck: true });
  return { connection, channel };
}

const startManager = (...args: string[]) =>
  startWarren(["manager", "--broker", url, ...args], { readyWhen: "ready" });

const headers = {
  "content-type": "application/json",
  "content-encoding": "identity",
  "correlation-id": "question 7",
  "reply-to": "/temp-queue/answers",
  type: "order",
  priority: "5",
  expiration: "600000",
  "app-id": "shop",
  timestamp: "1700000000",
  mine: "own",
};
const properties = {
  contentType: "application/json",
  contentEncoding: "identity",
  correlationId: "question 7",
  replyTo: "/temp-queue/answers",
  type: "order",
  priority: 5,
  expiration: "600000",
  appId: "shop",
  timestamp: 1_700_000_000,
};

describe("what a STOMP client says of a message", () => {
  test("is AMQP's properties to other programs, and the same headers to clients of every manager", async () => {
    await using here = await startManager();
    await using there = await startManager();
    await using anna = await connectStomp(here.wsUrl("/ws/anna"));
    await using ben = await connectStomp(here.wsUrl("/ws/ben"));
    await using carol = await connectStomp(there.wsUrl("/ws/carol"));
    const lasting = { ...headers, timestamp: String(Math.floor(Date.now() / 1000)) };
    const received = [
      await ben.subscribe("/topic/a"),
      await carol.subscribe("/topic/a"),
      await carol.subscribe("/topic/a", { "x-stream-offset": "next" }),
    ];
    await anna.sendSafely("/topic/a", "{}", { ...lasting, "client-id": "somebody else" });
    await until(() => heard.length === 1, "the message at the other program");
    expect(heard[0]!.properties).toMatchObject({ ...properties, timestamp: Number(lasting.timestamp) });
    expect(heard[0]!.properties.headers).toEqual({
      mine: "own",
      "client-id": "anna",
      "warren-copy": true,
    });
    for (const each of received) {
      expect(await bodiesOf(each, 1)).toEqual(["{}"]);
      expect(each[0]!.headers).toMatchObject({ ...lasting, "client-id": "anna" });
    }
  });

  test("is refused where AMQP could not carry it, and nobody else notices", async () => {
    await using manager = await startManager();
    await using bystander = await connectStomp(manager.wsUrl("/ws"));
    const received = await bystander.subscribe("/topic/a");
    for (const [name, value, fault] of [
      ["priority", "high", "priority is a whole number from 0 to 255"],
      ["expiration", "tomorrow", "expiration is a time in milliseconds"],
      ["timestamp", "now", "timestamp is a time in whole seconds"],
      ["reply-to", "amq.rabbitmq.reply-to", "reply-to is none of RabbitMQ's own queues"],
      ["type", "x".repeat(256), "type has at most 255 bytes"],
    ] as const) {
      await using client = await connectStomp(manager.wsUrl("/ws"));
      client.send("/topic/a", "x", { [name]: value });
      expect((await within(client.failed, "an ERROR")).headers["message"]).toStartWith(fault);
    }
    await bystander.sendSafely("/topic/a", "still here");
    expect(await bodiesOf(received, 1)).toEqual(["still here"]);
  });

  test("has the time and the sender, even if the message does not say them", async () => {
    await using manager = await startManager();
    await using anna = await connectStomp(manager.wsUrl("/ws/anna"));
    await using ben = await connect(manager.wsUrl("/ws/ben?topic=a"));
    const received = await anna.subscribe("/topic/a");
    const before = Math.floor(Date.now() / 1000);
    ben.send("plain text");
    await bodiesOf(received, 1);
    expect(received[0]!.headers).toMatchObject({ "client-id": "ben", "content-type": "text/plain" });
    expect(Number(received[0]!.headers["timestamp"])).toBeGreaterThanOrEqual(before);
    expect(received[0]!.headers["app-id"]).toBeUndefined();
  });
});

describe("what another program says of a message", () => {
  test("is headers to STOMP clients, live and from the log", async () => {
    await using manager = await startManager();
    await using anna = await connectStomp(manager.wsUrl("/ws/anna"));
    const received = [
      await anna.subscribe("/topic/a"),
      await anna.subscribe("/topic/a", { "x-stream-offset": "next" }),
    ];
    const timestamp = Math.floor(Date.now() / 1000);
    program.channel.publish("towsmanager", "a", Buffer.from("{}"), {
      ...properties,
      timestamp,
      messageId: "m-1",
      headers: { mine: "own" },
    });
    for (const each of received) {
      await bodiesOf(each, 1);
      expect(each[0]!.headers).toMatchObject({ ...headers, timestamp: `${timestamp}`, "message-id": "m-1" });
    }
  });

  test("as an integer of 64 bits is whose address it is, to the last digit", async () => {
    await using manager = await startManager();
    await using right = await connectStomp(manager.wsUrl("/ws/175928847299117063"));
    await using wrong = await connect(manager.wsUrl("/ws/175928847299117060?topic=a"));
    const received = await right.subscribe("/direct");
    const script = [
      "import pika, sys",
      "channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()",
      "properties = pika.BasicProperties(headers={'client-id': 175928847299117063, 'order': -9007199254740993})",
      "channel.basic_publish('towsmanager', 'a', b'for one', properties)",
      "channel.basic_publish('towsmanager', 'a', b'for all')",
      "channel.connection.close()",
    ].join("\n");
    await run([need(pythonWithPika), "-c", script, url]);
    expect(await wrong.next()).toBe("for all");
    expect(await bodiesOf(received, 1)).toEqual(["for one"]);
    expect(received[0]!.headers["order"]).toBe("-9007199254740993");
  });

  test("is too old in the end, and then no handler gets it", async () => {
    await using processor = await startWarren(["processor", "--broker", url, "--log-messages", "on"]);
    await processor.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the processor to be bound");
    const publish = (body: string, timestamp: number) =>
      program.channel.publish("wsmanager", "a", Buffer.from(body), { timestamp, expiration: "60000" });
    const now = Math.floor(Date.now() / 1000);
    publish("old", now - 120);
    publish("new", now);
    await processor.waitForLog((line) => line["message"] === "new", "the new one");
    expect(processor.log.map((line) => line["message"])).not.toContain("old");
  });

  test("is too old in the end, and then no durable subscription is told of it", async () => {
    await using manager = await startManager();
    const now = Math.floor(Date.now() / 1000);
    for (const [body, timestamp] of [
      ["old", now - 120],
      ["new", now],
    ] as const)
      program.channel.publish("towsmanager", "a", Buffer.from(body), { timestamp, expiration: "60000" });
    await program.channel.waitForConfirms();
    await using anna = await connectStomp(manager.wsUrl("/ws"));
    const received = await anna.subscribe("/topic/a", { "x-stream-offset": "first" });
    expect(await bodiesOf(received, 1)).toEqual(["new"]);
  });

  test("is the type of its frame: text where it may be read, else bytes", async () => {
    await using manager = await startManager();
    await using anna = await connect(manager.wsUrl("/ws?topic=a"));
    for (const contentType of [
      "application/json",
      "image/svg+xml",
      "image/png",
      "application/octet-stream",
      undefined,
    ])
      program.channel.publish(
        "towsmanager",
        "a",
        Buffer.from("x"),
        contentType === undefined ? {} : { contentType },
      );
    await until(() => anna.received.length === 5, "all five");
    expect(anna.received.map((each) => typeof each)).toEqual([
      "string",
      "string",
      "object",
      "object",
      "string",
    ]);
  });
});

describe("kombu, which takes nothing but what says that it is JSON,", () => {
  test("gets what clients send as JSON, and is heard by them", async () => {
    await using manager = await startManager();
    await using anna = await connectStomp(manager.wsUrl("/ws/anna"));
    const received = await anna.subscribe("/topic/orders");
    const script = [
      "import kombu, sys",
      "with kombu.Connection(sys.argv[1]) as connection:",
      "  incoming = kombu.Exchange('wsmanager', type='fanout', passive=True)",
      "  outgoing = kombu.Exchange('towsmanager', type='fanout', passive=True)",
      "  queue = kombu.Queue('', incoming, exclusive=True, auto_delete=True)",
      "  producer = connection.Producer(serializer='json')",
      "  done = []",
      "  def answer(body, message):",
      "    producer.publish({'got': body['order']}, exchange=outgoing, routing_key=message.delivery_info['routing_key'])",
      "    message.ack()",
      "    done.append(body)",
      "  with connection.Consumer(queue, accept=['json'], callbacks=[answer]):",
      "    print('ready', flush=True)",
      "    while not done: connection.drain_events(timeout=20)",
    ].join("\n");
    const kombu = Bun.spawn([need(pythonWithKombu), "-c", script, url], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const reader = kombu.stdout.getReader();
    await within(reader.read(), "kombu to consume");
    await anna.sendSafely("/topic/orders", '{"order": 7}', { "content-type": "application/json" });
    const answer = await until(() => received.find(({ body }) => body.includes("got")), "kombu's answer");
    expect(JSON.parse(answer.body)).toEqual({ got: 7 });
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(await kombu.exited).toBe(0);
  });
});

/** Each prints what it heard as JSON, then publishes a message with every property, and a header of every type that it has. */
const everyProperty = {
  pika: `
import datetime, json, pika, sys
channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "wsmanager")
print("ready", flush=True)
method, properties, body = next(channel.consume(queue, auto_ack=True, inactivity_timeout=20))
names = ["content_type", "content_encoding", "priority", "correlation_id", "reply_to", "expiration", "message_id", "timestamp", "type", "app_id", "headers"]
print(json.dumps({**{name: getattr(properties, name) for name in names}, "topic": method.routing_key, "body": body.decode()}), flush=True)
headers = {"big": 2**63 - 1, "low": -(2**63), "small": -1, "yes": True, "at": datetime.datetime(2023, 11, 14, 22, 13, 20), "bytes": "größe".encode(), "nothing": None, "list": [1], "table": {"a": 1}, "text": "größe"}
properties = pika.BasicProperties(content_type="application/json", content_encoding="utf-8", priority=5, correlation_id="question 7", reply_to="/temp-queue/answers", expiration="600000", message_id="m-1", timestamp=int(sys.argv[2]), type="order", app_id="shop", headers=headers)
channel.basic_publish("towsmanager", "a", b'{"answer": 1}', properties)
channel.connection.close()
`,
  kombu: `
import datetime, json, kombu, sys
with kombu.Connection(sys.argv[1]) as connection:
    heard = []
    def hear(message):
        message.ack()
        heard.append(message)
    incoming, outgoing = (kombu.Exchange(name, type="fanout", passive=True) for name in ("wsmanager", "towsmanager"))
    with connection.Consumer(kombu.Queue("", incoming, exclusive=True, auto_delete=True), accept=["json"], on_message=hear):
        print("ready", flush=True)
        while not heard: connection.drain_events(timeout=20)
    [message] = heard
    properties = {"content_type": message.content_type, "content_encoding": message.content_encoding, **message.properties, "headers": message.headers}
    print(json.dumps({**properties, "topic": message.delivery_info["routing_key"], "body": json.dumps(message.decode())}), flush=True)
    headers = {"big": 2**63 - 1, "low": -(2**63), "small": -1, "half": 0.5, "yes": True, "at": datetime.datetime(2023, 11, 14, 22, 13, 20), "bytes": "größe".encode(), "nothing": None, "list": [1], "table": {"a": 1}, "text": "größe"}
    connection.Producer().publish({"answer": 1}, exchange=outgoing, routing_key="a", serializer="json", priority=5, correlation_id="question 7", reply_to="/temp-queue/answers", expiration=600, message_id="m-1", timestamp=int(sys.argv[2]), type="order", app_id="shop", headers=headers)
`,
};

describe.each([
  ["pika", pythonWithPika],
  ["kombu", pythonWithKombu],
] as const)("%s, property by property,", (name, python) => {
  test("hears all that a client says of a message, and is heard with all that it says, by every manager", async () => {
    await using here = await startManager();
    await using there = await startManager();
    await using anna = await connectStomp(here.wsUrl("/ws/anna"));
    await using carol = await connectStomp(there.wsUrl("/ws/carol"));
    const received = [
      await anna.subscribe("/topic/a"),
      await carol.subscribe("/topic/a"),
      await carol.subscribe("/topic/a", { "x-stream-offset": "next" }),
    ];
    const timestamp = Math.floor(Date.now() / 1000);
    const other = Bun.spawn([need(python), "-c", everyProperty[name], url, `${timestamp}`], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const lines = linesOf(other.stdout);
    expect((await within(lines.next(), `${name} to consume`)).value).toBe("ready");
    const said = { ...headers, "content-encoding": "utf-8", timestamp: `${timestamp}` };
    await anna.sendSafely("/topic/b", '{"question": 1}', said);
    const heardThere = JSON.parse((await within(lines.next(), `what ${name} heard`)).value!);
    expect(heardThere).toMatchObject({
      content_type: "application/json",
      content_encoding: "utf-8",
      priority: 5,
      correlation_id: "question 7",
      reply_to: "/temp-queue/answers",
      expiration: "600000",
      message_id: expect.stringContaining("manager-"),
      timestamp,
      type: "order",
      app_id: "shop",
      topic: "b",
      body: '{"question": 1}',
    });
    expect(heardThere.headers).toEqual({ mine: "own", "client-id": "anna", "warren-copy": true });
    for (const each of received) {
      await bodiesOf(each, 1);
      expect(JSON.parse(each[0]!.body)).toEqual({ answer: 1 });
      const { mine: _, ...properties } = said;
      expect(each[0]!.headers).toMatchObject({
        ...properties,
        "message-id": "m-1",
        big: "9223372036854775807",
        low: "-9223372036854775808",
        small: "-1",
        // The pika of Debian 12 writes no fractions.
        ...(name === "kombu" ? { half: "0.5" } : {}),
        yes: "true",
        at: "1700000000",
        bytes: "größe",
        text: "größe",
      });
      for (const left of ["nothing", "list", "table"]) expect(each[0]!.headers).not.toHaveProperty(left);
    }
    expect(await within(other.exited, `${name} to end`)).toBe(0);
  });
});

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    text += decoder.decode(bytes, { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
  return undefined;
}

describe("what a handler answers as an object", () => {
  test("is JSON, and says so", async () => {
    const folder = await import("node:fs").then(({ mkdtempSync }) => mkdtempSync("/tmp/warren-properties-"));
    await Bun.write(`${folder}/handler.ts`, "export default () => ({ an: 'object' });\n");
    await using warren = await startWarren(["all", "--broker", url, "--handler", `${folder}/handler.ts`], {
      readyWhen: "ready",
    });
    await using anna = await connectStomp(warren.wsUrl("/ws"));
    const received = await anna.subscribe("/topic/a");
    await anna.sendSafely("/topic/a", "a question");
    await bodiesOf(received, 2);
    expect(received[1]!.headers["content-type"]).toBe("application/json");
    await import("node:fs").then(({ rmSync }) => rmSync(folder, { recursive: true }));
  });
});
