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
  /** The same without the first seconds, in which slow readers are still written to as fast ones are. */
  readonly settledP99Ms: number;
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
    const alone = await inRounds(
      { ...setting, rounds: 1 },
      "slow-readers",
      new Map([["without them", () => aloneTurn(setting)]]),
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
        name: "slow-readers-settled-p99",
        title: `${title}: the p99 of others, after the first seconds, in which slow readers are still written to as fast ones are`,
        unit: "ms",
        series: [of("calm settled p99 ms", "without them"), of("settled p99 ms", "beside them")],
      },
      {
        name: "slow-readers-growth",
        title: `${title}: growth of the manager`,
        unit: "MB",
        series: [
          of("growth MB", "while they read slowly"),
          of("growth in all MB", "until all have everything"),
          ...seriesOf(alone, "growth MB"),
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

/** What the manager grows by when the same is published and nobody reads slowly: the part of the log that it keeps in memory, for one. */
async function aloneTurn({ broker, isQuick }: Setting) {
  const managers = await startManagers(broker, 1);
  const [manager] = managers.each as [Managed];
  try {
    await publishCalmly(manager, isQuick);
    using growth = new Growth(manager.pid);
    await publishBeside(manager, isQuick);
    return { "growth MB": growth.bytes / 1e6 };
  } finally {
    await managers.stop();
  }
}

async function turn({ broker, isQuick }: Setting) {
  const managers = await startManagers(broker, 1);
  const [manager] = managers.each as [Managed];
  let slow: Program | undefined;
  try {
    const calm = await publishCalmly(manager, isQuick);
    slow = Program.launch(join(import.meta.dir, "../drivers/slow-readers.ts"), [
      "slow",
      manager.wsUrl(),
      `${clients}`,
      `${rate}`,
    ]);
    await until(async () => (await durableCount(manager)) >= clients, "all slow readers are there", 30_000);
    using growth = new Growth(manager.pid);
    const beside = await publishBeside(manager, isQuick);
    const grown = growth.bytes;
    process.kill(slow.pid, "SIGUSR1");
    const ended = await Promise.race([slow.ready, Bun.sleep(drainMsMax)]);
    if (typeof ended !== "string") throw new Error(`not all had everything after ${drainMsMax / 1000} s`);
    const drained = JSON.parse(ended) as { readonly seconds: number; readonly readSlowly: number };
    return {
      "calm p99 ms": calm.p99Ms,
      "p99 ms": beside.p99Ms,
      "calm settled p99 ms": calm.settledP99Ms,
      "settled p99 ms": beside.settledP99Ms,
      "growth MB": grown / 1e6,
      "growth in all MB": growth.bytes / 1e6,
      "drain s": drained.seconds,
      "read slowly": drained.readSlowly,
    };
  } finally {
    await slow?.kill();
    await managers.stop();
  }
}

function publishCalmly(manager: Managed, isQuick: boolean): Promise<Others> {
  return publish(manager, isQuick ? quickSeconds : calmSeconds, "on");
}

/** Publishes as long as slow readers read slowly. The last message is the one that they wait for. */
function publishBeside(manager: Managed, isQuick: boolean): Promise<Others> {
  return publish(manager, isQuick ? quickSeconds : slowSeconds, "end");
}

function publish(manager: Managed, seconds: number, last: string): Promise<Others> {
  return runDriver<Others>("slow-readers.ts", ["others", manager.wsUrl(), rate, seconds, last]);
}

/** Watches how much a process grows, at most. */
class Growth implements Disposable {
  readonly #resting: number;
  #most: number;
  readonly #watch: NodeJS.Timeout;

  constructor(pid: number) {
    this.#resting = this.#most = rssBytes(pid);
    this.#watch = setInterval(() => {
      this.#most = Math.max(this.#most, rssBytes(pid));
    }, watchEveryMs);
  }

  /** The most so far. */
  get bytes(): number {
    return this.#most - this.#resting;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch);
  }
}

/** Counts durable subscriptions in every state except the first. */
async function durableCount({ url }: Managed): Promise<number> {
  const text = await (await fetch(new URL("/metrics", url))).text();
  return Number(/^warren_durable_subscriptions (\d+)/m.exec(text)?.[1] ?? 0);
}
