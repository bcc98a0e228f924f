import { startRabbitmq } from "../../../support/rabbitmq.ts";
import { startWarren } from "../../../support/warren.ts";
import { atMost } from "../../goals.ts";
import { type LoadOptions, load } from "../../load.ts";
import { type Figures, inRounds, seriesOf } from "../../rounds.ts";
import { median } from "../../samples.ts";
import type { Measure } from "../../setting.ts";
import { besides, type HostileCase, honest, patienceSeconds } from "../case.ts";
import { floods } from "../flood.ts";

const most = "growth MiB";
const later = "later growth MiB";
const mebibyte = 1024 ** 2;

/** The caps of the group's queue and of the log. */
const queueMebibytes = 16;
const logMebibytes = 32;
/** RabbitMQ writes what queues get into one file first, several of which may be there. */
const walMebibytes = 16;
/** A log's segments, beyond which it shrinks; and what RabbitMQ keeps besides. */
const otherMebibytes = 64;
const mostMebibytes = queueMebibytes + logMebibytes + 3 * walMebibytes + otherMebibytes;

/**
 * One client at its full rate, and a group that nobody consumes: RabbitMQ's disk grows to the caps and stays there. Publishers are
 * held back, and no honest client is disconnected.
 */
export const disk: HostileCase = {
  name: "disk",
  what: "a client that fills RabbitMQ's disk",
  async run(setting) {
    const seconds = setting.isQuick ? 20 : 60;
    const turns = await inRounds(
      { ...setting, rounds: 1 },
      "disk",
      new Map(Object.keys(floods).map((flood) => [flood, () => growth(flood, seconds)])),
    );
    const worst = (figure: string) =>
      Math.max(...turns.map(({ figures }) => median(figures.map((shown) => shown[figure]!)) ?? Number.NaN));
    const measureOf = (figure: string): Measure => ({
      name: `disk-${figure}`,
      title: `One client at full rate, nobody to take it, caps of ${queueMebibytes} and ${logMebibytes} MiB: ${figure} of RabbitMQ's disk`,
      unit: "MiB",
      series: seriesOf(turns, figure),
    });
    return {
      measures: [most, later].map(measureOf),
      goals: [
        atMost("a flood without a processor: RabbitMQ's disk grows by", mostMebibytes, "MiB", worst(most)),
        atMost("the same in the second half of the time", logMebibytes, "MiB", worst(later)),
      ],
    };
  },
};

async function growth(flood: string, seconds: number): Promise<Figures> {
  await using node = await startRabbitmq({
    config: [`raft.wal_max_size_bytes = ${walMebibytes * mebibyte}`],
  });
  const caps = ["--queue-max-bytes", `${queueMebibytes}MiB`, "--log-max-bytes", `${logMebibytes}MiB`];
  const args = ["--broker", node.url, "--log-messages", "off", ...caps];
  const processor = await startWarren(["processor", ...args, "--group", "idle"]);
  await processor.waitForLog(({ msg }) => msg === "connected to RabbitMQ", "the group's queue");
  // Its queue stays.
  await processor.stop();
  await using manager = await startWarren(["manager", ...args], { readyWhen: "ready" });
  const before = node.diskBytes;
  let highest = before;
  let halfway = before;
  const startedMs = performance.now();
  const watching = setInterval(() => {
    highest = Math.max(highest, node.diskBytes);
    if (performance.now() - startedMs < 500 * seconds) halfway = highest;
  }, 500);
  const loading: LoadOptions = {
    patienceSeconds,
    clients: 10,
    publishers: 4,
    rate: 40,
    durationMs: 1000 * seconds,
  };
  const system = {
    url: manager.wsUrl("/ws"),
    pid: manager.pid,
    speaks: [],
    hasProcessor: false,
    unconfirmed: async () => undefined,
    stop: async () => undefined,
  };
  try {
    const figures = honest(await besides(system, flood, 1, () => load(system, loading)));
    return {
      [most]: (highest - before) / mebibyte,
      [later]: (highest - halfway) / mebibyte,
      ...figures,
    };
  } finally {
    clearInterval(watching);
  }
}
