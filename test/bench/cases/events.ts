import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectAmqp } from "amqplib";
import type { ClientEvent } from "../../../src/events/event.ts";
import { connect } from "../../support/client.ts";
import { until } from "../../support/wait.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { type Managed, startManagers } from "../systems/managers.ts";
import { Program } from "../systems/program.ts";

const managers = 3;
const membersMax = 10_000;
const membersWhenQuick = 900;
/** How many of the ten thousand members watch. */
const watchers = 300;
const joins = 60;
const churnRate = 500;
const churnSeconds = 5;
const deletes = 200;
const killedWhenQuick = 300;
const killedMax = 5000;
const token = "a-token-for-the-benchmark";

/** What `drivers/presence.ts` saw. */
interface Presence {
  readonly firstMs: number;
  readonly snapshotMs: number;
  readonly joinP50Ms: number;
  readonly joinP99Ms: number;
  readonly churnCores: number;
  readonly allJoinP50Ms: number;
  readonly allJoinP99Ms: number;
}

/** What it costs to know clients of other managers, and to reach them. */
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
    const members = membersOf(setting).toLocaleString("en-US");
    return [
      measure(
        "presence-first",
        `Presence of ${members}: the whole snapshot, nobody watched before`,
        "ms",
        "first ms",
      ),
      measure("presence-snapshot", "The same, for each further watcher", "ms", "snapshot ms"),
      measure("presence-join", `A join reaches ${watchers} members that watch: p99`, "ms", "join p99 ms"),
      measure("presence-join-all", `A join reaches all ${members}: p99`, "ms", "join all p99 ms"),
      measure(
        "presence-churn",
        `${churnRate} changes a second, ${watchers} watch: the busiest manager`,
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

const membersOf = ({ isQuick }: Setting) => (isQuick ? membersWhenQuick : membersMax);

async function turn(setting: Setting) {
  const folder = mkdtempSync(join(tmpdir(), "warren-bench-events-"));
  const tokenFile = join(folder, "token");
  writeFileSync(tokenFile, token);
  const flags = ["--admin-port", "0", "--admin-token-file", tokenFile];
  const running = await startManagers(setting.broker, managers, { flags });
  try {
    const shown = {
      ...(await presence(running.each, membersOf(setting))),
      ...(await deleting(running.each)),
    };
    const count = setting.isQuick ? killedWhenQuick : killedMax;
    return { ...shown, ...(await killing(running.vhostUrl, running.each[2]!, count)) };
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function presence(each: readonly Managed[], members: number) {
  const seen = await runDriver<Presence>("presence.ts", [
    ...[members, Math.min(watchers, members), joins, churnRate, churnSeconds],
    ...each.map(({ pid, url }) => `${pid}=${url.replace("http", "ws")}`),
  ]);
  return {
    "first ms": seen.firstMs,
    "snapshot ms": seen.snapshotMs,
    "join p50 ms": seen.joinP50Ms,
    "join p99 ms": seen.joinP99Ms,
    "join all p50 ms": seen.allJoinP50Ms,
    "join all p99 ms": seen.allJoinP99Ms,
    "churn %": 100 * seen.churnCores,
  };
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

/** Only events of this manager count, since the others' clients stay connected. */
async function killing(amqpUrl: string, killed: Managed, count: number) {
  const connection = await connectAmqp(amqpUrl);
  let crowd: Program | undefined;
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
        // Clients that connected before this queue existed may disconnect once: before the kill on any manager, then on the killed one.
        else if (ended.has(event.connection) || (killedName !== "" && event.manager !== killedName))
          wrong.push(event.connection);
        else ended.add(event.connection);
      },
      { noAck: true },
    );
    const args = [killed.wsUrl(), `${count}`, "text"];
    crowd = await Program.start(join(import.meta.dir, "../idle-clients.ts"), args);
    await until(() => open.size >= count, "all are told connected", 60_000);
    [killedName = ""] = open.values();
    const begunMs = performance.now();
    killed.signal("SIGKILL");
    await until(() => open.size === 0, "all are told disconnected", 60_000);
    return { "killed s": (performance.now() - begunMs) / 1000, "killed wrong": open.size + wrong.length };
  } finally {
    await crowd?.kill();
    await connection.close();
  }
}

function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
