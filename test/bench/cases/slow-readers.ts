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
const warmSeconds = 10;
const quickSeconds = 10;
const watchEveryMs = 50;
/** A round takes almost three minutes. */
const roundsMax = 3;
/** Deliveries of everything that was published, to all subscribers. */
const drainMsMax = 150_000;

interface Others {
  readonly p99Ms: number;
  /** The same without the first seconds, in which slow readers are still written to as fast ones are. */
  readonly settledP99Ms: number;
  /** What the first two leave out: the first two seconds. */
  readonly beginningP99Ms: number;
}

/** Durable subscribers that read far too slowly get the log at their own pace, and other clients do not notice. */
export const slowReaders: Case = {
  name: "slow-readers",
  what: `${clients.toLocaleString("en-US")} durable subscribers that read at a hundredth of the rate for ${slowSeconds} s: memory, the others' p99, and that all get everything`,
  isQuick: false,
  async run(setting) {
    const turns = await inRounds(
      { ...setting, rounds: Math.min(setting.rounds, roundsMax) },
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
        name: "slow-readers-settled-p99",
        title: `${title}: the p99 of others, after the first seconds, in which slow readers are still written to as fast ones are`,
        unit: "ms",
        series: [of("calm settled p99 ms", "without them"), of("settled p99 ms", "beside them")],
      },
      {
        name: "slow-readers-beginning-p99",
        title: `${title}: the p99 of others in the first two seconds, which the p99 leaves out`,
        unit: "ms",
        series: [of("calm beginning p99 ms", "without them"), of("beginning p99 ms", "beside them")],
      },
      {
        name: "slow-readers-growth",
        title: `${title}: growth of the manager`,
        unit: "MB",
        series: [
          of("growth MB", "while they read slowly"),
          of("growth in all MB", "until all have everything"),
          of("calm growth MB", "without them"),
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

/**
 * Two managers are published to by turns of some seconds, and one of them has the slow readers. So both are published to for as long, by the
 * same program, and whatever else happens on the machine meanwhile affects both. Where one was measured after the other, a thousand
 * subscribers that got nothing seemed to multiply the others' p99, since another program had taken a core in their time.
 */
async function turn({ broker, isQuick, now }: Setting) {
  await using stack = new AsyncDisposableStack();
  const start = async () => {
    const managers = await startManagers(broker, 1, { path: now });
    stack.defer(() => managers.stop());
    return managers.each[0]!;
  };
  const [calm, crowded] = [await start(), await start()];
  const publish = (seconds: number, last: string) =>
    runDriver<[Others, Others]>("slow-readers.ts", [
      ...["others", calm.wsUrl(), crowded.wsUrl()],
      ...[rate, seconds, last],
    ]);
  await publish(warmSeconds, "on");
  const slow = Program.launch(join(import.meta.dir, "../drivers/slow-readers.ts"), [
    ...["slow", crowded.wsUrl()],
    ...[`${clients}`, `${rate}`],
  ]);
  stack.defer(() => slow.kill());
  await until(async () => (await durableCount(crowded)) >= clients, "all slow readers are there", 30_000);
  using calmGrowth = new Growth(calm.pid);
  using growth = new Growth(crowded.pid);
  // The last message is the one that slow readers wait for.
  const [without, beside] = await publish(isQuick ? quickSeconds : slowSeconds, "end");
  const [calmGrown, grown] = [calmGrowth.bytes, growth.bytes];
  process.kill(slow.pid, "SIGUSR1");
  const ended = await Promise.race([slow.ready, Bun.sleep(drainMsMax)]);
  if (typeof ended !== "string") throw new Error(`not all had everything after ${drainMsMax / 1000} s`);
  const drained = JSON.parse(ended) as { readonly seconds: number; readonly readSlowly: number };
  return {
    "calm p99 ms": without.p99Ms,
    "p99 ms": beside.p99Ms,
    "calm settled p99 ms": without.settledP99Ms,
    "settled p99 ms": beside.settledP99Ms,
    "calm beginning p99 ms": without.beginningP99Ms,
    "beginning p99 ms": beside.beginningP99Ms,
    "calm growth MB": calmGrown / 1e6,
    "growth MB": grown / 1e6,
    "growth in all MB": growth.bytes / 1e6,
    "drain s": drained.seconds,
    "read slowly": drained.readSlowly,
  };
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
