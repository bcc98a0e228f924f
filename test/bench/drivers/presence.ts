/**
 * `bun presence.ts MEMBERS WATCHERS JOINS CHURN-RATE CHURN-SECONDS PID=URL…`: a topic with very many members, over all managers. Prints as
 * JSON how long a snapshot of it takes, and a join until all have heard of it that watch: WATCHERS, or all members; and what CHURN-RATE
 * changes a second cost the busiest manager, in cores.
 *
 * All are STOMP clients on bare sockets in this one process. So what a join takes includes the time in which this process
 * reads the frames of all that watch.
 */
import { until } from "../../support/wait.ts";
import { cpuSeconds } from "../systems/usage.ts";
import { FrameClient, frameOf, openAll } from "./frame-client.ts";
import { givenManagers } from "./given-managers.ts";

const [members, watchers, joins, churnRate, churnSeconds] = process.argv.slice(2, 7).map(Number) as [
  number,
  number,
  number,
  number,
  number,
];
const managers = givenManagers(process.argv.slice(7));

const snapshotsAlone = 30;
const patienceMs = 60_000;
const churnEveryMs = 20;
const onRoom = [
  ["id", "0"],
  ["destination", "/topic/room"],
] as const;
const watch = frameOf(
  "SUBSCRIBE",
  [
    ["id", "1"],
    ["destination", "/presence/room"],
  ],
  "",
);
/** How the body of a change begins. */
const joined = Buffer.from('{"event":"joined"');
const left = Buffer.from('{"event":"left"');

/** The name that all watching clients wait for. */
class Awaited {
  readonly #start: Buffer;
  readonly #name: Buffer;
  readonly #sinceMs = performance.now();
  readonly delaysMs: number[] = [];
  readonly #heard = new Set<Client>();

  constructor(start: Buffer, name: string) {
    this.#start = start;
    this.#name = Buffer.from(`"${name}"`);
  }

  see(client: Client, body: Buffer): void {
    if (body.compare(this.#start, 0, this.#start.length, 0, this.#start.length) !== 0) return;
    if (!body.includes(this.#name) || this.#heard.has(client)) return;
    this.#heard.add(client);
    this.delaysMs.push(performance.now() - this.#sinceMs);
  }
}

let awaited: Awaited | undefined;

/** A member of the topic that may watch it, too. */
class Client {
  readonly frames: FrameClient;
  #askedMs = 0;
  /** Until the last part of the snapshot had come; undefined: it has not. In milliseconds. */
  snapshotMs: number | undefined;

  constructor(url: URL, id: string, isMember = true) {
    this.frames = new FrameClient({
      url: new URL(`ws/${id}`, url),
      subscriptions: isMember ? [onRoom] : [],
      message: (bytes, _frame, body, length) =>
        this.#take(Buffer.from(bytes.buffer, bytes.byteOffset + body, length)),
    });
  }

  async open(): Promise<this> {
    await this.frames.open();
    return this;
  }

  watch(): void {
    this.#askedMs = performance.now();
    this.frames.say(watch);
  }

  cut(): void {
    this.frames.cut();
  }

  #take(body: Buffer): void {
    if (this.snapshotMs !== undefined) {
      awaited?.see(this, body);
      return;
    }
    const [, part, parts] =
      /^\{"event":"snapshot","part":(\d+),"parts":(\d+)/.exec(body.toString("latin1", 0, 80)) ?? [];
    if (part !== undefined && part === parts) this.snapshotMs = performance.now() - this.#askedMs;
  }
}

const urlOf = (n: number) => managers[n % managers.length]!.url;

/** Clients join and leave one after the other, and `all` are told. @returns the delays of all joins, in milliseconds */
async function join(all: readonly Client[], prefix: string): Promise<number[]> {
  const hearing = (start: Buffer, id: string) => {
    const waiting = new Awaited(start, id);
    awaited = waiting;
    return {
      waiting,
      heard: () => until(() => waiting.delaysMs.length === all.length, `all have heard of ${id}`, patienceMs),
    };
  };
  const delays: number[] = [];
  for (let n = 0; n < joins; n++) {
    const id = `${prefix}-${n}`;
    const coming = hearing(joined, id);
    const client = await new Client(urlOf(n), id).open();
    await coming.heard();
    delays.push(...coming.waiting.delaysMs);
    const going = hearing(left, id);
    client.cut();
    await going.heard();
    // A period that does not coincide with the managers' gathering.
    await Bun.sleep((n * 37) % 100);
  }
  awaited = undefined;
  return delays;
}

/** @returns CPU seconds a second of the busiest manager */
async function churn(): Promise<number> {
  let number = 0;
  const there: Client[] = [];
  const come = () => {
    const client = new Client(urlOf(number), `churn-${number++}`);
    there.push(client);
    return client.open();
  };
  await Promise.all(Array.from({ length: churnRate }, come));
  let due = 0;
  const opening = new Set<Promise<unknown>>();
  const timer = setInterval(() => {
    // One leaves and one joins: two changes.
    for (due += (churnRate / 2 / 1000) * churnEveryMs; due >= 1; due--) {
      there.shift()?.cut();
      const opened = come();
      opening.add(opened);
      void opened.finally(() => opening.delete(opened));
    }
  }, churnEveryMs);
  await Bun.sleep(1000);
  const before = managers.map(({ pid }) => cpuSeconds(pid));
  const startMs = performance.now();
  await Bun.sleep(churnSeconds * 1000);
  const seconds = (performance.now() - startMs) / 1000;
  const cores = managers.map(({ pid }, n) => (cpuSeconds(pid) - before[n]!) / seconds);
  clearInterval(timer);
  await Promise.all(opening);
  for (const client of there) client.cut();
  return Math.max(...cores);
}

function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const all = Array.from({ length: members }, (_, n) => new Client(urlOf(n), `member-${n}`));
await openAll(all.map(({ frames }) => frames));

const snapshotOf = async (client: Client) => {
  client.watch();
  await until(() => client.snapshotMs !== undefined, "the snapshot is whole", patienceMs);
  return client.snapshotMs!;
};
const first = await new Client(urlOf(0), "first", false).open();
const firstMs = await snapshotOf(first);
const snapshots: number[] = [];
for (const client of all.slice(0, snapshotsAlone)) snapshots.push(await snapshotOf(client));
first.cut();

const watchAll = async (some: readonly Client[]) => {
  for (const client of some) if (client.snapshotMs === undefined) client.watch();
  await until(
    () => some.every(({ snapshotMs }) => snapshotMs !== undefined),
    "all have the snapshot",
    patienceMs,
  );
};
const some = all.slice(0, watchers);
await watchAll(some);
const delays = await join(some, "some");
const churnCores = await churn();
await watchAll(all);
const delaysOfAll = await join(all, "all");

const seen = {
  firstMs,
  snapshotMs: quantile(snapshots, 0.5),
  joinP50Ms: quantile(delays, 0.5),
  joinP99Ms: quantile(delays, 0.99),
  churnCores,
  allJoinP50Ms: quantile(delaysOfAll, 0.5),
  allJoinP99Ms: quantile(delaysOfAll, 0.99),
};
process.stdout.write(`${JSON.stringify(seen)}\n`);
process.exit();
