/**
 * `bun beside.ts text|stomp|durable CLIENTS HEARD BATCH BATCHES BURSTS PID,PID=URL PID=URL…`: clients of each of these systems are connected all
 * the time, and the systems take turns: in a burst, clients of one of them publish BATCHES pieces, evenly, of BATCH messages each, of
 * which HEARD deliveries come for each message. Prints as JSON the CPU time of each system's processes in each burst, in microseconds a message.
 *
 * A piece goes in one write, so that both systems find as many messages in one turn of the event loop, and what they write is shared
 * alike. The first bursts, in which compilers are at work, do not count.
 */
import { cpuSeconds, untilCalm } from "../systems/usage.ts";
import { type CountedClient, countedClient, publishing, type Spoken } from "./counted-client.ts";

const [spoken, ...rest] = process.argv.slice(2) as [Spoken, ...string[]];
const [clients, heardEach, batch, batches, bursts] = rest.slice(0, 5).map(Number) as [
  ...[number, number, number],
  ...[number, number],
];

const everyMs = 8;
const sendersMax = 10;
const bodyChars = 64;
const warmUpBursts = 5;
const waitMsMax = 20_000;
const handshakesAtOnce = 128;
/** By then the processes have done all the work of a burst. */
const calm = { share: 0.04, ms: 60, msMax: 3000 };

const frame = publishing(spoken, "x".repeat(bodyChars));
const piece = Buffer.concat(Array.from({ length: batch }, () => frame));

/** One of the systems, with its clients. */
class Side {
  readonly perMessageUs: number[] = [];
  readonly #pids: readonly number[];
  readonly #clients: readonly CountedClient[];
  #heard = 0;

  constructor(argument: string) {
    const at = argument.indexOf("=");
    this.#pids = argument.slice(0, at).split(",").map(Number);
    const url = new URL(argument.slice(at + 1));
    const heard = () => {
      this.#heard++;
    };
    this.#clients = Array.from({ length: clients }, () => countedClient(spoken, url, heard));
  }

  async open(): Promise<void> {
    const waiting = this.#clients.values();
    const openInTurn = async () => {
      for (const client of waiting) await client.open();
    };
    await Promise.all(Array.from({ length: handshakesAtOnce }, openInTurn));
  }

  /** In microseconds a message. */
  async burst(): Promise<number> {
    await this.#calm();
    const before = this.#used();
    const expected = this.#heard + batch * batches * heardEach;
    const startMs = performance.now();
    for (let n = 0; n < batches; n++) {
      this.#clients[n % Math.min(sendersMax, clients)]!.say(piece);
      await Bun.sleep(Math.max(0, startMs + (n + 1) * everyMs - performance.now()));
    }
    const deadlineMs = performance.now() + waitMsMax;
    while (this.#heard < expected) {
      if (performance.now() > deadlineMs)
        throw new Error(`${expected - this.#heard} deliveries did not come`);
      await Bun.sleep(2);
    }
    await this.#calm();
    if (this.#heard > expected)
      throw new Error(`${this.#heard - expected} deliveries came that nobody expected`);
    return ((this.#used() - before) * 1e6) / (batch * batches);
  }

  /** In seconds. */
  #used(): number {
    return this.#pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  }

  async #calm(): Promise<void> {
    await untilCalm(() => this.#used(), calm);
  }
}

const sides = rest.slice(5).map((argument) => new Side(argument));
for (const side of sides) await side.open();
for (let n = 0; n < warmUpBursts + bursts; n++)
  for (let place = 0; place < sides.length; place++) {
    const side = sides[(place + n) % sides.length]!;
    const us = await side.burst();
    if (n >= warmUpBursts) side.perMessageUs.push(us);
  }
process.stdout.write(`${JSON.stringify(sides.map(({ perMessageUs }) => perMessageUs))}\n`);
process.exit();
