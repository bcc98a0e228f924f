import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";
import { cpuSeconds } from "../systems/usage.ts";

const lastTopics = 1000;
const lastAsked = 2000;
const clients = 10_000;
const topics = 20;
/** How often RabbitMQ is asked for its readers, in milliseconds. */
const watchEveryMs = 20;

/**
 * An Erlang expression: how many read the log at this moment, its follower among them. (The table of consumers, by contrast, has those
 * too that ended with their channel a while ago, and those of other vhosts.)
 */
const readersOfLog = (vhost: string) =>
  `element(2, rabbit_stream_queue:readers(rabbit_misc:r(<<"${vhost}">>, queue, <<"wsmanager.log">>)))`;

const many = clients.toLocaleString("en-US");

/** Newest messages: of one topic, and of all topics of a dashboard that very many clients open at the same time. */
export const newest: Case = {
  name: "newest",
  what: `the newest message of a topic that the manager has: p99; and ${many} clients that open a dashboard of ${topics} topics at once`,
  isQuick: false,
  async run(setting) {
    const last = await inFewRounds(setting, "newest", new Map([["warren", () => lastTurn(setting)]]));
    const opened = await inFewRounds(
      setting,
      "newest",
      new Map([
        ["a subscription for each topic", () => dashboardTurn(setting, "each")],
        ["one pattern", () => dashboardTurn(setting, "pattern")],
      ]),
    );
    const measure = (name: string, title: string, unit: string, figure: string) => ({
      name,
      title,
      unit,
      series: seriesOf(opened, figure),
    });
    return [
      {
        name: "newest-last",
        title: "x-stream-offset:last of one topic: from SUBSCRIBE to the message, p99",
        unit: "ms",
        series: seriesOf(last, "p99 ms"),
      },
      measure(
        "newest-dashboards",
        `${many} clients open a dashboard of ${topics} topics at once: until all have all values`,
        "s",
        "seconds",
      ),
      measure("newest-cpu", "The same: CPU time of the manager, connecting included", "s", "manager CPU s"),
      measure("newest-readers", "The same: most readers of the log that RabbitMQ saw", "", "readers"),
      measure("newest-connecting", "The same: until all of them were connected, before", "s", "connecting s"),
    ];
  },
};

async function lastTurn({ broker }: Setting) {
  const managers = await startManagers(broker, 1);
  try {
    const args = ["last", managers.each[0]!.wsUrl(), lastTopics, lastAsked];
    const { p50Ms, p99Ms } = await runDriver<{ p50Ms: number; p99Ms: number }>("newest.ts", args);
    return { "p50 ms": p50Ms, "p99 ms": p99Ms };
  } finally {
    await managers.stop();
  }
}

/** The manager has not read the log before, so the first client's request makes it read the values. */
async function dashboardTurn({ broker }: Setting, how: "each" | "pattern") {
  const managers = await startManagers(broker, 1);
  const vhost = decodeURIComponent(new URL(managers.vhostUrl).pathname.slice(1));
  let readers = 0;
  let isOver = false;
  const watch = async () => {
    while (!isOver) {
      readers = Math.max(readers, Number(await broker.node.eval(readersOfLog(vhost))));
      await Bun.sleep(watchEveryMs);
    }
  };
  const watching = watch();
  const before = cpuSeconds(managers.each[0]!.pid);
  try {
    const args = ["dashboards", managers.each[0]!.wsUrl(), clients, topics, how];
    const seen = await runDriver<{ seconds: number; connectingSeconds: number }>("newest.ts", args);
    const cpu = cpuSeconds(managers.each[0]!.pid) - before;
    return { seconds: seen.seconds, "manager CPU s": cpu, "connecting s": seen.connectingSeconds, readers };
  } finally {
    isOver = true;
    await watching;
    await managers.stop();
  }
}
