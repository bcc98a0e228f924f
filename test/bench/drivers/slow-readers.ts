/**
 * `bun slow-readers.ts SCENARIO URL …`: durable subscribers that read at a hundredth of the rate at which is published. Prints what it saw as a line of JSON.
 *
 *     slow URL CLIENTS RATE          they read slowly until they are sent SIGUSR1, and then everything, as fast as they can
 *     others URL1 URL2 RATE SECONDS END    publishes to two managers by turns, for as long to each, and tells for each the p99 of subscribers
 *                                    that keep up, of all that is due after two seconds and after five, and in the first two seconds; the
 *                                    last message says END
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
/** How long one manager is published to before it is the other's turn: what else happens on the machine affects both alike. */
const turnSeconds = 5;
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

/** One of two managers that are published to by turns: its listeners, its sender, and what it took to reach all listeners. */
class Side {
  readonly latencies = new Histogram();
  readonly latenciesSettled = new Histogram();
  readonly latenciesAtFirst = new Histogram();
  heard = 0;
  readonly #schedule: Schedule;
  readonly #side: number;
  readonly #listeners: readonly FrameClient[];
  readonly #sender: FrameClient;

  /** @param side 0 or 1: whose turn is first */
  constructor(url: URL, side: number, schedule: Schedule) {
    this.#schedule = schedule;
    this.#side = side;
    this.#sender = new FrameClient({ url, subscriptions: [], message: () => undefined });
    this.#listeners = Array.from({ length: 2 * fast }, (_, index) => {
      const headers: [string, string][] = index % 2 === 0 ? [] : [["x-stream-offset", "next"]];
      return new FrameClient({
        url,
        subscriptions: [[["id", "0"], destination, ...headers]],
        message: (bytes, _frame, body, length) => this.#came(numberIn(bytes, body, length).number),
      });
    });
  }

  get clients(): readonly FrameClient[] {
    return [...this.#listeners, this.#sender];
  }

  get isComplete(): boolean {
    return this.heard === this.#schedule.ofEach * this.#listeners.length;
  }

  send(number: number, last: string): void {
    const word = number === this.#schedule.ofEach - 1 ? last : "on";
    this.#sender.send([destination], `${number} ${word} `.padEnd(bodyChars, "x"));
  }

  #came(number: number): void {
    this.heard++;
    const micros = this.#schedule.lateMicros(this.#side, number);
    const atMs = this.#schedule.playedMs(number);
    if (atMs < warmupMs) {
      this.latenciesAtFirst.record(micros);
      return;
    }
    this.latencies.record(micros);
    if (atMs >= settledMs) this.latenciesSettled.record(micros);
  }

  get seen(): object {
    const p99Of = (histogram: Histogram) => histogram.quantileMicros(0.99) / 1000;
    return {
      p50Ms: this.latencies.quantileMicros(0.5) / 1000,
      p99Ms: p99Of(this.latencies),
      settledP99Ms: p99Of(this.latenciesSettled),
      beginningP99Ms: p99Of(this.latenciesAtFirst),
    };
  }
}

/** When each message is due. Each side's messages are numbered; its turn is some seconds, and then it is the other's. */
class Schedule {
  readonly #perTurn: number;
  readonly #microsPerMessage: number;
  readonly ofEach: number;
  #startNanos = 0;

  /** @param seconds how long each side is published to, all turns together; a multiple of `turnSeconds` */
  constructor(rate: number, seconds: number) {
    this.#perTurn = rate * turnSeconds;
    this.#microsPerMessage = 1e6 / rate;
    this.ofEach = rate * seconds;
  }

  start(): void {
    this.#startNanos = Bun.nanoseconds();
  }

  /** How many messages are due by now, of both sides together. */
  get due(): number {
    return Math.min(2 * this.ofEach, Math.floor(this.#nowMicros / this.#microsPerMessage) + 1);
  }

  /** Whose message it is, and its number. @param index counts those of both sides */
  at(index: number): { readonly side: number; readonly number: number } {
    const turn = Math.floor(index / this.#perTurn);
    return { side: turn % 2, number: (turn >> 1) * this.#perTurn + (index % this.#perTurn) };
  }

  /** How long ago this message was due, in microseconds. */
  lateMicros(side: number, number: number): number {
    const turn = 2 * Math.floor(number / this.#perTurn) + side;
    return this.#nowMicros - (turn * this.#perTurn + (number % this.#perTurn)) * this.#microsPerMessage;
  }

  /** For how long the message's side had been published to when it was due, in milliseconds. */
  playedMs(number: number): number {
    return (number * this.#microsPerMessage) / 1000;
  }

  get #nowMicros(): number {
    return (Bun.nanoseconds() - this.#startNanos) / 1000;
  }
}

async function others(urls: readonly URL[], rate: number, seconds: number, last: string): Promise<object> {
  const schedule = new Schedule(rate, seconds);
  const sides = urls.map((each, side) => new Side(each, side, schedule));
  await openAll(sides.flatMap(({ clients }) => clients));
  schedule.start();
  for (let sent = 0; sent < 2 * schedule.ofEach; ) {
    for (const due = schedule.due; sent < due; sent++) {
      const { side, number } = schedule.at(sent);
      sides[side]!.send(number, last);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(
    () => sides.every(({ isComplete }) => isComplete),
    () => `${sides.map(({ heard }) => heard).join(" and ")} of ${schedule.ofEach * 2 * fast} deliveries`,
  );
  return sides.map(({ seen }) => seen);
}

const numbers = rest.map(Number);
const seen =
  scenario === "slow"
    ? await slow(numbers[0]!, numbers[1]!)
    : await others([url, new URL(rest[0]!)], numbers[1]!, numbers[2]!, rest[3]!);
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit();
