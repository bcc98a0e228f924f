/**
 * `bun slow-readers.ts SCENARIO URL …`: durable subscribers that read at a hundredth of what is published. Prints what it saw as a line of JSON.
 *
 *     slow URL CLIENTS RATE          they read slowly until they are sent SIGUSR1, and then everything, as fast as they can
 *     others URL RATE SECONDS END    publishes, and tells the p99 of subscribers that keep up, of all that is due after two seconds and after
 *                                    five; the last message says END
 */
import { Histogram } from "../../../src/bench/histogram.ts";
import { FrameClient, openAll } from "./frame-client.ts";
import { SlowClient } from "./slow-client.ts";

const [scenario, address, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
const url = new URL(address);
const destination = ["destination", "/topic/slow"] as const;

/** The approximate size of a MESSAGE frame, in bytes. */
const frameBytes = 320;
/** The share of the messages' rate at which they read. */
const slowness = 100;
const fast = 20;
const warmupMs = 2000;
/** From here on the systems of slow readers hold all that they take, so the manager has stopped writing to them as to fast ones. */
const settledMs = 5000;
const waitMsMax = 120_000;
const bodyChars = 64;

/** A body: a number, padding, and at the end of the last one a word. */
function numberIn(bytes: Uint8Array, body: number, length: number): { number: number; isLast: boolean } {
  const [number, word] = Buffer.from(bytes.buffer, bytes.byteOffset + body, length)
    .toString("latin1")
    .split(" ");
  return { number: Number(number), isLast: word === "end" };
}

async function until(isSo: () => boolean, what: () => string): Promise<void> {
  const deadline = performance.now() + waitMsMax;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what()}`);
    await Bun.sleep(5);
  }
}

async function slow(clients: number, rate: number): Promise<object> {
  const next = new Uint32Array(clients);
  let complete = 0;
  let slowlyRead = 0;
  const all = Array.from(
    { length: clients },
    (_, client) =>
      new SlowClient({
        url,
        subscription: [["id", "0"], destination, ["x-stream-offset", "next"]],
        bytesPerSecond: (rate / slowness) * frameBytes,
        message: (bytes, body, length) => {
          const { number, isLast } = numberIn(bytes, body, length);
          if (number !== next[client])
            throw new Error(`client ${client} got ${number} instead of ${next[client]}`);
          next[client]!++;
          slowlyRead++;
          if (isLast) complete++;
        },
      }),
  );
  for (let at = 0; at < all.length; at += 50)
    await Promise.all(all.slice(at, at + 50).map((one) => one.open()));
  for (const one of all) one.readSlowly();
  process.stderr.write("ready\n");
  await new Promise<void>((resolve) => process.once("SIGUSR1", resolve));
  const readSlowly = slowlyRead;
  const startMs = performance.now();
  for (const one of all) one.readOn();
  await until(
    () => complete === clients,
    () => `${complete} of ${clients} have everything`,
  );
  return { readSlowly, messages: next[0], seconds: (performance.now() - startMs) / 1000 };
}

async function others(rate: number, seconds: number, last: string): Promise<object> {
  const latencies = new Histogram();
  const latenciesSettled = new Histogram();
  const microsPerMessage = 1e6 / rate;
  const count = Math.ceil(rate * (seconds + warmupMs / 1000));
  let startNanos = 0;
  let heard = 0;
  const first = { number: -1 };
  const listener = (headers: readonly (readonly [string, string])[]) =>
    new FrameClient({
      url,
      subscriptions: [[["id", "0"], destination, ...headers]],
      message: (bytes, _frame, body, length) => {
        const { number } = numberIn(bytes, body, length);
        heard++;
        const dueMicros = (number - first.number) * microsPerMessage;
        if (dueMicros < warmupMs * 1000) return;
        const micros = (Bun.nanoseconds() - startNanos) / 1000 - dueMicros;
        latencies.record(micros);
        if (dueMicros >= settledMs * 1000) latenciesSettled.record(micros);
      },
    });
  const listeners = Array.from({ length: 2 * fast }, (_, index) =>
    listener(index % 2 === 0 ? [] : [["x-stream-offset", "next"]]),
  );
  const sender = new FrameClient({ url, subscriptions: [], message: () => undefined });
  await openAll([...listeners, sender]);
  first.number = 0;
  startNanos = Bun.nanoseconds();
  let sent = 0;
  while (sent < count) {
    const due = Math.min(count, Math.floor((Bun.nanoseconds() - startNanos) / 1000 / microsPerMessage) + 1);
    for (; sent < due; sent++) {
      const word = sent === count - 1 ? last : "on";
      sender.send([destination], `${sent} ${word} `.padEnd(bodyChars, "x"));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(
    () => heard === count * listeners.length,
    () => `${heard} of ${count * listeners.length} deliveries`,
  );
  return {
    p50Ms: latencies.quantileMicros(0.5) / 1000,
    p99Ms: latencies.quantileMicros(0.99) / 1000,
    settledP99Ms: latenciesSettled.quantileMicros(0.99) / 1000,
    sent,
  };
}

const [one, two] = rest.map(Number) as [number, number];
const seen = scenario === "slow" ? await slow(one, two) : await others(one, two, rest[2]!);
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit();
