import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectAmqp } from "amqplib";
import type { ClientEvent } from "../../../src/events/event.ts";
import { connect } from "../../support/client.ts";
import { until } from "../../support/wait.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { type Managed, startManagers } from "../systems/managers.ts";
import { Program } from "../systems/program.ts";
import { cpuSeconds } from "../systems/usage.ts";

const managers = 3;
const membersMax = 10_000;
const membersWhenQuick = 900;
/** On each manager. */
const watchers = 100;
const joins = 60;
const churnRate = 500;
const churnMs = 5000;
const deletes = 200;
const killedWhenQuick = 300;
const killedMax = 5000;
const token = "a-token-for-the-benchmark";

/** What it takes to know of clients on other managers, and to reach them. */
export const events: Case = {
  name: "events",
  what: "three managers: presence of 10,000, DELETE on another manager, 5,000 clients of a manager that is killed",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(setting, "events", new Map([["warren", () => turn(setting)]]));
    const measure = (name: string, title: string, unit: string, figure: string) => ({
      name,
      title,
      unit,
      series: seriesOf(turns, figure),
    });
    const members = (setting.isQuick ? membersWhenQuick : membersMax).toLocaleString("en-US");
    return [
      measure(
        "presence-first",
        `Presence of ${members}: the whole snapshot, nobody watched before`,
        "ms",
        "first ms",
      ),
      measure("presence-snapshot", "The same, for each further watcher", "ms", "snapshot ms"),
      measure("presence-join", `A join reaches ${watchers * managers} watchers: p99`, "ms", "join p99 ms"),
      measure(
        "presence-churn",
        `${churnRate} changes a second: the busiest manager`,
        "% of a core",
        "churn %",
      ),
      measure(
        "delete",
        "DELETE of a client on another manager, until it is closed: p99",
        "ms",
        "delete p99 ms",
      ),
      measure(
        "killed",
        "A manager is killed: until the last of its clients is told disconnected",
        "s",
        "killed s",
      ),
      measure(
        "killed-count",
        "The same: events without a client, and clients without an event",
        "",
        "killed wrong",
      ),
    ];
  },
};

async function turn(setting: Setting) {
  const folder = mkdtempSync(join(tmpdir(), "warren-bench-events-"));
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, token);
  const flags = ["--admin-port", "0", "--admin-token-file", tokenFile];
  const programs: Program[] = [];
  const running = await startManagers(setting.broker, managers, { flags });
  const urls = running.each.map(({ url }) => url.replace("http", "ws"));
  const start = async (...args: string[]) => {
    const program = await Program.start(join(import.meta.dir, "../presence-members.ts"), args);
    programs.push(program);
    return program;
  };
  try {
    const count = setting.isQuick ? membersWhenQuick : membersMax;
    await start(`${count}`, "0", ...urls);
    const shown = {
      ...(await presence(urls, count)),
      ...(await churn(running.each, () => start("300", `${churnRate}`, ...urls))),
      ...(await deleting(running.each)),
    };
    return {
      ...shown,
      ...(await killing(
        running.vhostUrl,
        running.each[2]!,
        () => start(`${setting.isQuick ? killedWhenQuick : killedMax}`, "0", urls[2]!),
        setting.isQuick ? killedWhenQuick : killedMax,
      )),
    };
  } finally {
    await Promise.all(programs.map((program) => program.kill()));
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A STOMP client that watches, without a library that would cost more than what is measured. */
class Watcher {
  readonly there = new Set<string>();
  readonly joinedMs = new Map<string, number>();
  readonly #askedMs = performance.now();
  wholeMs = 0;
  readonly #socket: WebSocket;

  constructor(url: string) {
    this.#socket = new WebSocket(`${url}ws`, ["v12.stomp"]);
    this.#socket.onopen = () =>
      this.#socket.send(
        "CONNECT\naccept-version:1.2\nhost:x\n\n\0SUBSCRIBE\nid:1\ndestination:/presence/room\n\n\0",
      );
    this.#socket.onmessage = ({ data }) => this.#take(String(data));
  }

  close(): void {
    this.#socket.close();
  }

  #take(frame: string): void {
    if (!frame.startsWith("MESSAGE")) return;
    const body = frame.slice(frame.indexOf("\n\n") + 2, frame.lastIndexOf("\0"));
    const { event, clients, part, parts } = JSON.parse(body) as Record<string, unknown> & {
      clients: readonly string[];
    };
    for (const client of clients) {
      if (event === "left") this.there.delete(client);
      else this.there.add(client);
      if (event === "joined") this.joinedMs.set(client, performance.now());
    }
    if (event === "snapshot" && part === parts) this.wholeMs = performance.now() - this.#askedMs;
  }
}

async function presence(urls: readonly string[], count: number) {
  const all: Watcher[] = [];
  const watch = async (url: string) => {
    const watcher = new Watcher(url);
    all.push(watcher);
    await until(() => watcher.there.size >= count, `all ${count} are seen`, 30_000);
    return watcher.wholeMs;
  };
  const firstMs = await watch(urls[0]!);
  const snapshots: number[] = [];
  for (const url of urls)
    while (all.length < watchers * (urls.indexOf(url) + 1)) snapshots.push(await watch(url));
  const delays: number[] = [];
  for (let n = 0; n < joins; n++) {
    const id = `joins-${n}`;
    const begunMs = performance.now();
    const client = await connect(`${urls[n % urls.length]}ws/${id}?topic=room`);
    await until(() => all.every(({ joinedMs }) => joinedMs.has(id)), "all know who joined");
    delays.push(...all.map(({ joinedMs }) => joinedMs.get(id)! - begunMs));
    await client.close();
  }
  for (const watcher of all) watcher.close();
  // The first on each manager has the others ask, too.
  return {
    "first ms": firstMs,
    "snapshot ms": quantile(snapshots, 0.5),
    "join p99 ms": quantile(delays, 0.99),
  };
}

async function churn(each: readonly Managed[], begin: () => Promise<Program>) {
  const all = each.map(({ url }) => new Watcher(url.replace("http", "ws")));
  await until(() => all.every(({ there }) => there.size > 0), "all watch");
  const program = await begin();
  const before = each.map(({ pid }) => cpuSeconds(pid));
  await Bun.sleep(churnMs);
  const shares = each.map(({ pid }, n) => (cpuSeconds(pid) - before[n]!) / (churnMs / 1000));
  await program.kill();
  for (const watcher of all) watcher.close();
  return { "churn %": 100 * Math.max(...shares) };
}

async function deleting([asked, other]: readonly Managed[]) {
  const admin = String(asked!.log.find(({ msg }) => msg === "listening")!["admin"]);
  const delays: number[] = [];
  for (let n = 0; n < deletes; n++) {
    const client = await connect(`${other!.url.replace("http", "ws")}ws/deleted-${n}?topic=x`);
    const begunMs = performance.now();
    const closed = client.closed.then(() => performance.now() - begunMs);
    const answer = await fetch(new URL(`/api/clients/deleted-${n}`, admin), {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    });
    if (!answer.ok) throw new Error(await answer.text());
    delays.push(await closed);
  }
  return { "delete p99 ms": quantile(delays, 0.99) };
}

/** Of the events only those of this manager count: the others' clients stay. */
async function killing(amqpUrl: string, killed: Managed, begin: () => Promise<Program>, count: number) {
  const connection = await connectAmqp(amqpUrl);
  try {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(queue, "wsmanager.events", "client.*");
    const open = new Map<string, string>();
    const ended = new Set<string>();
    const wrong: string[] = [];
    let killedName = "";
    await channel.consume(
      queue,
      (message) => {
        const event = JSON.parse(message!.content.toString()) as ClientEvent;
        if (event.event === "connected") open.set(event.connection, event.manager);
        else if (event.event !== "disconnected") return;
        else if (open.delete(event.connection)) ended.add(event.connection);
        // Of those that came before this queue was there each may end once, if it was on that manager.
        else if (ended.has(event.connection) || event.manager !== killedName) wrong.push(event.connection);
        else ended.add(event.connection);
      },
      { noAck: true },
    );
    await begin();
    await until(() => open.size >= count, "all are told connected", 60_000);
    [killedName = ""] = open.values();
    const begunMs = performance.now();
    killed.signal("SIGKILL");
    await until(() => open.size === 0, "all are told disconnected", 60_000);
    return { "killed s": (performance.now() - begunMs) / 1000, "killed wrong": open.size + wrong.length };
  } finally {
    await connection.close();
  }
}

function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
