/**
 * `bun newest.ts SCENARIO URL …`: clients that ask for the newest messages. Prints what it saw as a line of JSON.
 *
 *     last URL TOPICS ASKED                       one after another: from the SUBSCRIBE of an exact topic to its newest message
 *     dashboards URL CLIENTS TOPICS each|pattern  all at once: until each client has the value of each topic
 */
import { FrameClient, frameOf, openAll } from "./frame-client.ts";

const waitMsMax = 60_000;
const url = new URL(process.argv[3]!);

/** The newest value of each topic. No client may see an older one. */
const [oldValue, newValue] = ["old", "new"] as const;
const topicOf = (index: number) => `dash.${index}`;

/** Publishes each topic's values, and other messages of other topics after them. Resolves when all are confirmed. */
async function publish(topics: number, others: number): Promise<void> {
  let confirmed = 0;
  const client = new FrameClient({
    url,
    subscriptions: [],
    message: () => undefined,
    receipt: () => {
      confirmed++;
    },
  });
  await client.open();
  let sent = 0;
  const send = async (topic: string, body: string) => {
    client.send(
      [
        ["destination", `/topic/${topic}`],
        ["receipt", `${++sent}`],
      ],
      body,
    );
    if (sent % 500 === 0) await until(() => confirmed >= sent - 1000, "messages are confirmed");
  };
  for (const value of [oldValue, newValue])
    for (let index = 0; index < topics; index++) await send(topicOf(index), `${index} ${value}`);
  for (let index = 0; index < others; index++) await send(`other.${index % 100}`, `${index}`);
  await until(() => confirmed === sent, "all messages are confirmed");
  client.mayClose();
  client.cut();
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + waitMsMax;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await Bun.sleep(2);
  }
}

/** The topic of a body. Throws if the body is not the topic's newest value. */
function topicIn(bytes: Uint8Array, body: number, length: number): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + body, length).toString("latin1");
  const [index, value] = text.split(" ");
  if (value !== newValue) throw new Error(`not the newest value: ${text}`);
  return Number(index);
}

async function last(topics: number, asked: number): Promise<object> {
  await publish(topics, 5000);
  let came: ((topic: number) => void) | undefined;
  const client = new FrameClient({
    url,
    subscriptions: [],
    message: (bytes, _frame, body, length) => came?.(topicIn(bytes, body, length)),
  });
  await client.open();
  const ask = async (number: number) => {
    const topic = number % topics;
    const startMs = performance.now();
    const { promise, resolve } = Promise.withResolvers<number>();
    came = resolve;
    client.say(
      frameOf(
        "SUBSCRIBE",
        [
          ["id", `${number}`],
          ["destination", `/topic/${topicOf(topic)}`],
          ["x-stream-offset", "last"],
        ],
        "",
      ),
    );
    if ((await promise) !== topic) throw new Error("the value of another topic");
    const ms = performance.now() - startMs;
    client.say(frameOf("UNSUBSCRIBE", [["id", `${number}`]], ""));
    return ms;
  };
  // After the first client the manager knows the values, and code is compiled.
  for (let number = 0; number < 200; number++) await ask(number);
  const all: number[] = [];
  for (let number = 0; number < asked; number++) {
    all.push(await ask(200 + number));
    await Bun.sleep(1);
  }
  all.sort((one, two) => one - two);
  const at = (share: number) => all[Math.floor(share * (all.length - 1))]!;
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

async function dashboards(clients: number, topics: number, how: string): Promise<object> {
  await publish(topics, 5000);
  const seen = new Uint32Array(clients);
  const whole = 2 ** topics - 1;
  let complete = 0;
  const subscribes = Buffer.concat(
    (how === "pattern" ? ["dash.*"] : Array.from({ length: topics }, (_, index) => topicOf(index))).map(
      (topic, index) =>
        frameOf(
          "SUBSCRIBE",
          [
            ["id", `${index}`],
            ["destination", `/topic/${topic}`],
            ["x-stream-offset", "last"],
          ],
          "",
        ),
    ),
  );
  const all = Array.from(
    { length: clients },
    (_, client) =>
      new FrameClient({
        url,
        subscriptions: [],
        message: (bytes, _frame, body, length) => {
          const bit = 2 ** topicIn(bytes, body, length);
          if ((seen[client]! & bit) !== 0) throw new Error("a value came twice");
          seen[client]! |= bit;
          if (seen[client] === whole) complete++;
        },
      }),
  );
  const connectingMs = performance.now();
  await openAll(all);
  const startMs = performance.now();
  for (const client of all) client.say(subscribes);
  await until(() => complete === clients, `all have all values: ${complete} have`);
  const endMs = performance.now();
  return { seconds: (endMs - startMs) / 1000, connectingSeconds: (startMs - connectingMs) / 1000 };
}

const [, , scenario, , ...rest] = process.argv as [string, string, string, string, ...string[]];
const [one, two] = rest.map(Number) as [number, number];
const seen = scenario === "last" ? await last(one, two) : await dashboards(one, two, rest[2]!);
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit();
