import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { snippetsFor } from "../../static/session/snippets.ts";
import { type Client, connect } from "../support/client.ts";
import { sharedRabbitmq } from "../support/rabbitmq.ts";
import { need, pythonWithPika } from "../support/requirements.ts";
import { ShownProgram } from "../support/shown-program.ts";
import { snippets } from "../support/snippets.ts";
import { integrationTimeoutMs } from "../support/timeout.ts";
import { until, untilCount } from "../support/wait.ts";
import { startWarren } from "../support/warren.ts";

setDefaultTimeout(integrationTimeoutMs);

/** Python programs as somebody would write them who has never heard of Warren. */
const programs: Bun.Subprocess[] = [];

function python(...args: string[]) {
  const program = Bun.spawn([need(pythonWithPika), ...args], { stdout: "pipe", stderr: "inherit" });
  programs.push(program);
  return program;
}

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.kill("SIGKILL");
    await program.exited;
  }
});

let broker: string;
beforeEach(async () => {
  broker = await (await sharedRabbitmq()).vhost();
});

const startManager = (...args: string[]) =>
  startWarren(["--role", "manager", "--broker", broker, ...args], { readyWhen: "ready" });

describe("a processor in Python", () => {
  test("that is the README's answers a manager's clients", async () => {
    await using manager = await startManager();
    python(join(import.meta.dir, "../../examples/processor.py"), broker);
    await using anna = await connect(manager.wsUrl("/ws?topic=colour.red"));
    await using ben = await connect(manager.wsUrl("/ws?topic=colour.red"));
    await using carol = await connect(manager.wsUrl("/ws"));
    await untilAnswered(anna, "hello", "python says: hello");
    await until(() => ben.received.includes("python says: hello"), "the answer at the other client");
    anna.send("größe 😀");
    await until(() => anna.received.includes("python says: größe 😀"), "an answer beyond ASCII");
    expect(carol.received).toEqual([]);
  });

  test("that was there first, with exchanges that are not durable, answers too", async () => {
    const first = python("-u", "-c", declaringProcessor, broker);
    await until(async () => (await firstLine(first)) === "ready", "the program to be ready");
    await using manager = await startManager();
    await using anna = await connect(manager.wsUrl("/ws"));
    anna.send("hello");
    expect(await anna.next()).toBe("processed message: hello");
  });

  test("reads what Warren's roles say to one another with the documentation's lines", async () => {
    const documentation = await Bun.file(join(import.meta.dir, "../../docs/protocol.md")).text();
    const [, unpack] = /```python\n(def unpack[\s\S]*?)```/.exec(documentation) ?? [];
    const program = python("-u", "-c", `import json\n${unpack}\n${packedReader}`, broker);
    await until(async () => (await firstLine(program)) === "ready", "the program to be ready");
    await using manager = await startManager("--plain-copies", "off");
    await using anna = await connect(manager.wsUrl("/ws/anna?topic=colour.red"));
    const sent = Array.from({ length: 2000 }, (_, index) => `größe ${index}`);
    for (const text of sent) anna.send(text);
    await untilCount(() => anna.received.length, sent.length, "all answers");
    expect(anna.received.map((text) => String(text).replace(/^\S+ /, ""))).toEqual(
      sent.map((text) => `colour.red anna ${text}`),
    );
    const kinds = new Set(anna.received.map((text) => String(text).split(" ")[0]));
    expect(kinds).toContain("packed");
  });
});

describe("Python in the documents", () => {
  const shownIn = (document: string, words: string) =>
    snippets("python").find(({ place, code }) => place.startsWith(`${document}:`) && code.includes(words))!
      .code;

  test("brings an exchange of one's own to clients, and tells a program who comes", async () => {
    await using manager = await startManager();
    const binding = shownIn("README.md", "exchange_bind").replace(/"amqp:[^"]*"/, JSON.stringify(broker));
    const visitors = `import pika
channel = pika.BlockingConnection(pika.URLParameters(${JSON.stringify(broker)})).channel()
${shownIn("docs/events.md", "visitors")}
print("ready")
channel.start_consuming()`;
    await using told = new ShownProgram([need(pythonWithPika), "-u", "-c", visitors], import.meta.dir);
    await told.prints("ready");
    await using anna = await connect(manager.wsUrl("/ws/anna?topic=order.new"));
    await until(() => told.printed.length > 1, "the event");
    const event = told.printed[1]!.replace(/^b'(.*)'$/, "$1");
    expect(JSON.parse(event)).toMatchObject({ event: "connected", client: "anna" });
    // What the page's drawer says for a pattern hears clients, and for a topic reaches them.
    const drawer = (topic: string) =>
      snippetsFor("http://127.0.0.1:8000/", topic, false)
        .find(({ name }) => name === "Python")!
        .code.replace(/"amqp:[^"]*"/, JSON.stringify(broker));
    await using hearing = new ShownProgram(
      [need(pythonWithPika), "-u", "-c", drawer("order.#")],
      import.meta.dir,
    );
    await until(() => {
      anna.send("three coffees");
      return hearing.printed.includes("order.new b'three coffees'");
    }, "what a client says");
    expect(await python("-c", drawer("order.new")).exited).toBe(0);
    await until(() => anna.received.includes("hello"), "what Python says");
    const publish = 'channel.basic_publish("orders", "order.new", "two coffees")';
    const notify = shownIn("README.md", "your order is ready");
    const all = [binding, publish, notify, "channel.connection.close()"].join("\n");
    expect(await python("-c", all).exited).toBe(0);
    await until(() => anna.received.includes("two coffees"), "what was published to the exchange");
    await until(() => anna.received.includes("your order is ready"), "what is for her alone");
  });
});

describe("a publisher in Python", () => {
  test("reaches all clients, those of a topic, or one client", async () => {
    await using manager = await startManager();
    await using anna = await connect(manager.wsUrl("/ws/anna"));
    await using ben = await connect(manager.wsUrl("/ws/ben?topic=colour.red"));
    expect(await python("-c", publisher, broker).exited).toBe(0);
    await until(() => anna.received.length === 5 && ben.received.length === 1, "what is for each");
    expect(ben.received).toEqual(["for red"]);
    expect(anna.received).toEqual([
      "for all",
      "for anna alone",
      new Uint8Array([0xff, 0xfe]),
      "text without a content type",
      new Uint8Array([0x61]),
    ]);
  });
});

const declaringProcessor = `
import sys, pika
channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
channel.exchange_declare("wsmanager", "fanout")
channel.exchange_declare("towsmanager", "fanout")
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "wsmanager")
print("ready")
for method, properties, body in channel.consume(queue, auto_ack=True):
    channel.basic_publish("towsmanager", "", "processed message: " + body.decode())
`;

const packedReader = `
import sys, pika
channel = pika.BlockingConnection(pika.URLParameters(sys.argv[1])).channel()
channel.exchange_declare("wsmanager", "fanout", durable=True)
channel.exchange_declare("towsmanager", "fanout", durable=True)
queue = channel.queue_declare("", exclusive=True).method.queue
channel.exchange_declare("wsmanager.packed", "fanout", durable=True)
channel.queue_bind(queue, "wsmanager.packed")
print("ready")
for method, properties, body in channel.consume(queue, auto_ack=True):
    if properties.content_type == "application/vnd.warren.packed":
        messages = [("packed", *message) for message in unpack(body)]
    else:
        messages = [("plain", method.routing_key, properties.headers["client-id"], body)]
    for kind, topic, client, body in messages:
        channel.basic_publish("towsmanager", topic, f"{kind} {topic} {client} {body.decode()}")
`;

const publisher = `
import sys, pika
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
publish = lambda body, topic="", **properties: channel.basic_publish("towsmanager", topic, body, pika.BasicProperties(**properties))
publish("for all", content_type="text/plain")
publish("for red", "colour.red", content_type="text/plain")
publish("for nobody", "colour.blue", content_type="text/plain")
publish("for anna alone", "colour.blue", headers={"client-id": "anna"})
publish(b"\\xff\\xfe", content_type="text/plain")
publish("text without a content type")
publish("a", content_type="application/octet-stream")
connection.close()
`;

/** Sends until it is answered, since a program may not have bound its queue yet. */
async function untilAnswered(client: Client, question: string, answer: string): Promise<void> {
  await until(() => {
    client.send(question);
    return client.received.includes(answer);
  }, `the answer "${answer}"`);
}

const firstLines = new WeakMap<Bun.Subprocess, Promise<string>>();

/** The first line that a program prints. */
function firstLine(program: Bun.Subprocess<"ignore", "pipe", "inherit">): Promise<string> {
  let line = firstLines.get(program);
  if (line === undefined) {
    line = readLine(program.stdout);
    firstLines.set(program, line);
  }
  return line;
}

async function readLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const bytes of stream) {
    text += new TextDecoder().decode(bytes);
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return text;
}
