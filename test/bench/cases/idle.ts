import { join } from "node:path";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { defaults, raw, stomp } from "../systems/contenders.ts";
import { Program } from "../systems/program.ts";
import { openFilesMax, rssBytes } from "../systems/usage.ts";

const clientsMax = 19_000;
const clientsWhenQuick = 5000;

/** Files that a process has open besides its clients. */
const otherFiles = 500;

/** Memory counts as settled when it changes by less than this share in each of this many seconds. */
const settledShare = 0.005;
const settledSeconds = 4;
const settleMsMax = 15_000;

/** What an idle client costs. */
export const idle: Case = {
  name: "idle",
  what: "memory of an idle client, of 19,000",
  isQuick: true,
  async run(setting) {
    const clients = Math.min(setting.isQuick ? clientsWhenQuick : clientsMax, openFilesMax() - otherFiles);
    const turns = await inFewRounds(
      setting,
      "idle",
      new Map(
        [raw, defaults, stomp].map((contender) => [contender.name, () => turn(setting, contender, clients)]),
      ),
    );
    const many = clients.toLocaleString("en-US");
    return [
      {
        name: "idle",
        title: `Memory of each of ${many} idle clients, above the empty process`,
        unit: "bytes",
        series: seriesOf(turns, "bytes a client"),
      },
      {
        name: "idle-empty",
        title: "Memory of the process without clients",
        unit: "MB",
        series: seriesOf(turns, "empty MB"),
      },
    ];
  },
};

async function turn(setting: Setting, contender: Contender, clients: number) {
  const system = await contender.start(setting.broker, { withProcessor: false });
  try {
    const empty = await settledRss(system.pid!);
    const crowd = await Program.start(join(import.meta.dir, "../idle-clients.ts"), [
      system.url,
      `${clients}`,
      contender === stomp ? "stomp" : "text",
    ]);
    try {
      const [open, ...reasons] = (await crowd.ready).split(" ");
      if (Number(open) !== clients)
        throw new Error(`${open} of ${clients} clients connected: ${reasons.join(" ")}`);
      const full = await settledRss(system.pid!);
      return { "bytes a client": (full - empty) / clients, "empty MB": empty / 1e6 };
    } finally {
      await crowd.kill();
    }
  } finally {
    await system.stop();
  }
}

async function settledRss(pid: number): Promise<number> {
  const deadline = performance.now() + settleMsMax;
  let last = rssBytes(pid);
  for (let settled = 0; ; ) {
    await Bun.sleep(1000);
    const now = rssBytes(pid);
    settled = Math.abs(now - last) < last * settledShare ? settled + 1 : 0;
    if (settled >= settledSeconds || performance.now() > deadline) return now;
    last = now;
  }
}
