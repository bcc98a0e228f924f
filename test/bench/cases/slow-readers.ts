import { join } from "node:path";
import { until } from "../../support/wait.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { type Managed, startManagers } from "../systems/managers.ts";
import { Program } from "../systems/program.ts";
import { rssBytes } from "../systems/usage.ts";

const clients = 1000;
const rate = 500;
const slowSeconds = 60;
const calmSeconds = 20;
const quickSeconds = 10;
const watchEveryMs = 50;
/** Deliveries of everything that was published, to all subscribers. */
const drainMsMax = 150_000;

interface Others {
  readonly p99Ms: number;
}

/** Durable subscribers that read far too slowly get the log at their own pace, and other clients do not notice. */
export const slowReaders: Case = {
  name: "slow-readers",
  what: `${clients.toLocaleString("en-US")} durable subscribers that read at a hundredth of the rate for ${slowSeconds} s: memory, the others' p99, and that all get everything`,
  isQuick: false,
  async run(setting) {
    const turns = await inRounds(
      { ...setting, rounds: 1 },
      "slow-readers",
      new Map([["warren", () => turn(setting)]]),
    );
    const of = (figure: string, contender: string) => ({ ...seriesOf(turns, figure)[0]!, contender });
    const title = `${clients.toLocaleString("en-US")} durable subscribers read a hundredth of ${rate.toLocaleString("en-US")}/s`;
    return [
      {
        name: "slow-readers-p99",
        title: `${title}: the p99 of others`,
        unit: "ms",
        series: [of("calm p99 ms", "without them"), of("p99 ms", "beside them")],
      },
      {
        name: "slow-readers-growth",
        title: `${title}: growth of the manager`,
        unit: "MB",
        series: [
          of("growth MB", "while they read slowly"),
          of("growth in all MB", "until all have everything"),
        ],
      },
      {
        name: "slow-readers-drain",
        title: `${title}: until all have everything, from when they read as fast as they can`,
        unit: "s",
        series: [of("drain s", "warren")],
      },
    ];
  },
};

async function turn({ broker, isQuick }: Setting) {
  const managers = await startManagers(broker, 1);
  const [manager] = managers.each as [Managed];
  const url = manager.wsUrl();
  let slow: Program | undefined;
  let watch: NodeJS.Timeout | undefined;
  try {
    const calm = await runDriver<Others>("slow-readers.ts", [
      "others",
      url,
      rate,
      isQuick ? quickSeconds : calmSeconds,
      "on",
    ]);
    slow = Program.launch(join(import.meta.dir, "../drivers/slow-readers.ts"), [
      "slow",
      url,
      `${clients}`,
      `${rate}`,
    ]);
    await until(async () => (await durableCount(manager)) >= clients, "all slow readers are there", 30_000);
    const restingBytes = rssBytes(manager.pid);
    let mostBytes = restingBytes;
    watch = setInterval(() => {
      mostBytes = Math.max(mostBytes, rssBytes(manager.pid));
    }, watchEveryMs);
    const seconds = isQuick ? quickSeconds : slowSeconds;
    const beside = await runDriver<Others>("slow-readers.ts", ["others", url, rate, seconds, "end"]);
    const grown = mostBytes - restingBytes;
    process.kill(slow.pid, "SIGUSR1");
    const ended = await Promise.race([slow.ready, Bun.sleep(drainMsMax)]);
    if (typeof ended !== "string") throw new Error(`not all had everything after ${drainMsMax / 1000} s`);
    const drained = JSON.parse(ended) as { readonly seconds: number; readonly readSlowly: number };
    return {
      "calm p99 ms": calm.p99Ms,
      "p99 ms": beside.p99Ms,
      "growth MB": grown / 1e6,
      "growth in all MB": (mostBytes - restingBytes) / 1e6,
      "drain s": drained.seconds,
      "read slowly": drained.readSlowly,
    };
  } finally {
    clearInterval(watch);
    await slow?.kill();
    await managers.stop();
  }
}

/** Counts durable subscriptions in every state except the first. */
async function durableCount({ url }: Managed): Promise<number> {
  const text = await (await fetch(new URL("/metrics", url))).text();
  return Number(/^warren_durable_subscriptions (\d+)/m.exec(text)?.[1] ?? 0);
}
