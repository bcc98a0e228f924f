/**
 * `bun storm.ts SCENARIO URL …`: very many durable subscriptions that come at once. Prints what it saw as a line of JSON.
 *
 *     absence URL CLIENTS RATE AWAY-SECONDS   a pattern each, cut off, and back with what was missed
 *     connect URL CLIENTS EACH RATE           exact topics from what comes next on
 *     live URL SECONDS                        beside another one: the latency of a live client
 */
import type { Header } from "../../../src/wire/stomp/frames.ts";
import { FrameClient, openAll } from "./frame-client.ts";

const waitMsMax = 100_000;
const pacedMs = 5;
const positionHeader = Buffer.from("\nx-stream-offset:");

const [scenario, address, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
const url = new URL(address);
const metricsUrl = new URL("/metrics", address.replace("ws", "http"));
const numbers = rest.map(Number) as [number, number, number];

/** Counts durable subscriptions at the log's end, and all others. */
async function whereAll(): Promise<{ atEnd: number; others: number }> {
  const text = await (await fetch(metricsUrl)).text();
  const read = (name: string) =>
    Number(new RegExp(`^warren_durable_subscriptions${name} (\\d+)`, "m").exec(text)?.[1] ?? 0);
  const others = ["_catching_up", "_sweeping", "_parked", "_locating"].map(read);
  return { atEnd: read(""), others: others.reduce((sum, count) => sum + count, 0) };
}

async function untilAtEnd(count: number): Promise<void> {
  const deadline = performance.now() + waitMsMax;
  for (let where = await whereAll(); where.atEnd < count; where = await whereAll()) {
    if (performance.now() > deadline) throw new Error(`not at the end: ${JSON.stringify(where)}`);
    await Bun.sleep(25);
  }
}

/** Publishes numbers from 0 at a steady rate, each to the topic of one client. */
class Publisher {
  next = 0;
  readonly #client = new FrameClient({ url, subscriptions: [], message: () => undefined });
  readonly #rate: number;
  readonly #topicCount: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(rate: number, topicCount: number) {
    this.#rate = rate;
    this.#topicCount = topicCount;
  }

  async start(): Promise<void> {
    await this.#client.open();
    const startMs = performance.now();
    this.#timer = setInterval(() => {
      const due = ((performance.now() - startMs) / 1000) * this.#rate;
      for (; this.next < due; this.next++)
        this.#client.send([["destination", `/topic/s.${this.next % this.#topicCount}.x`]], `${this.next}`);
    }, pacedMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function absence(clients: number, rate: number, awaySeconds: number): Promise<object> {
  const last = new Float64Array(clients).fill(-1);
  const position = new Array<string | undefined>(clients);
  let wrong = 0;
  const see = (client: number, bytes: Uint8Array, frame: number, body: number, length: number) => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + frame, body - frame + length);
    const at = text.indexOf(positionHeader);
    const number = Number(text.toString("latin1", body - frame));
    const isNext = last[client] === -1 || number === last[client]! + clients;
    if (!isNext || number % clients !== client) wrong++;
    last[client] = number;
    position[client] = text.toString("latin1", at + positionHeader.length, text.indexOf("\n", at + 1));
  };
  const subscriber = (client: number, from: Header) =>
    new FrameClient({
      url,
      subscriptions: [[["id", "0"], ["destination", `/topic/s.${client}.*`], from]],
      message: (bytes, frame, body, length) => see(client, bytes, frame, body, length),
      subscribed: (after) => {
        position[client] ??= after;
      },
    });
  const publisher = new Publisher(rate, clients);
  await publisher.start();
  const before = Array.from({ length: clients }, (_, client) =>
    subscriber(client, ["x-stream-offset", "next"]),
  );
  await openAll(before);
  await untilAtEnd(clients);
  await Bun.sleep(1000);
  for (const client of before) client.cut();
  const cutAt = publisher.next;
  await Bun.sleep(awaySeconds * 1000);
  const startMs = performance.now();
  const after = position.map((from, client) =>
    subscriber(client, from === undefined ? ["x-stream-offset", "first"] : ["x-stream-after", from]),
  );
  await openAll(after);
  const connectedMs = performance.now() - startMs;
  await untilAtEnd(clients);
  const seconds = (performance.now() - startMs) / 1000;
  publisher.stop();
  const { next } = publisher;
  // All clients have their last message.
  const isDone = () => last.every((seen, client) => next <= client || seen >= next - clients);
  for (const deadline = performance.now() + 10_000; !isDone() && performance.now() < deadline; )
    await Bun.sleep(10);
  if (!isDone() || wrong > 0)
    throw new Error(`${wrong} messages were not the next one; all there: ${isDone()}`);
  return { seconds, connectSeconds: connectedMs / 1000, missed: next - cutAt };
}

async function connect(clients: number, each: number, rate: number): Promise<object> {
  const publisher = new Publisher(rate, 1000);
  await publisher.start();
  await Bun.sleep(500);
  const all = Array.from(
    { length: clients },
    (_, client) =>
      new FrameClient({
        url,
        subscriptions: Array.from({ length: each }, (_, index) => [
          ["id", `${index}`],
          ["destination", `/topic/s.${client * each + index}.x`],
          ["x-stream-offset", "next"],
        ]),
        message: () => undefined,
      }),
  );
  const startMs = performance.now();
  await openAll(all);
  const connectedMs = performance.now() - startMs;
  await untilAtEnd(clients * each);
  const seconds = (performance.now() - startMs) / 1000;
  publisher.stop();
  return { seconds, connectSeconds: connectedMs / 1000 };
}

async function live(seconds: number): Promise<object> {
  const latencies: number[] = [];
  const client = new FrameClient({
    url,
    subscriptions: [
      [
        ["id", "0"],
        ["destination", "/topic/live"],
      ],
    ],
    message: (bytes, _frame, body, length) => {
      latencies.push(performance.now() - Number(Buffer.from(bytes.buffer, bytes.byteOffset + body, length)));
    },
  });
  await client.open();
  for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs; await Bun.sleep(10))
    client.send([["destination", "/topic/live"]], `${performance.now()}`);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))];
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), count: latencies.length };
}

const scenarios: Record<string, () => Promise<object>> = {
  absence: () => absence(...numbers),
  connect: () => connect(...numbers),
  live: () => live(numbers[0]),
};
process.stdout.write(`${JSON.stringify(await scenarios[scenario]!())}\n`);
process.exit();
