import { join } from "node:path";
import { Histogram } from "../../../src/ops/histogram.ts";
import { load } from "../load.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { type Contender, withSystem } from "../systems/contender.ts";
import { warren } from "../systems/contenders.ts";
import { type Managed, startManagers } from "../systems/managers.ts";
import { Program } from "../systems/program.ts";
import { cpuSeconds } from "../systems/usage.ts";

const rate = 5000;
const clients = 20;
/** Counted from a second after the start of sending. */
const countedMs = 6000;
const sendingMs = 6700;

const scrapedClients = 10_000;
const scrapedClientsWhenQuick = 1000;
const scrapes = 20;

/** How often a message of a client is recorded in a histogram: when it is confirmed, and when it comes by the log. */
const recordsPerMessage = 2;
const recordings = 5_000_000;

/** What observability costs: traces, histograms, and Prometheus' requests. */
export const watching: Case = {
  name: "watching",
  what: "what traces (1 %) and histograms add to a message's CPU time, and a scrape with 10,000 clients",
  isQuick: false,
  async run(setting) {
    const collector = Bun.serve({ port: 0, fetch: () => Response.json({}) });
    try {
      const plain = warren("warren", "without traces");
      const flags = ["--trace-sample", "100", "--otlp-url", collector.url.origin];
      const traced = warren("warren, 1 % traced", "with spans for one message in a hundred", { flags });
      const turns = await inRounds(
        setting,
        "watching",
        new Map([plain, traced].map((contender) => [contender.name, () => perMessage(setting, contender)])),
      );
      const cpu = seriesOf(turns, "µs a message");
      const ns = nsPerRecord();
      const share = cpu[0]!.samples.map((us) => (recordsPerMessage * ns) / 10 / us);
      return [
        {
          name: "traces",
          title: "CPU time of a manager for a message to 20 clients",
          unit: "µs",
          series: cpu,
        },
        {
          name: "histograms",
          title: "What of it goes into histograms",
          unit: "%",
          series: [{ contender: "warren", samples: share, failures: [] }],
        },
        {
          name: "scrape",
          title: "Answering /metrics, clients connected, the slowest of 20",
          unit: "ms",
          series: [await scraping(setting)],
        },
      ];
    } finally {
      await collector.stop(true);
    }
  },
};

async function perMessage(setting: Setting, contender: Contender) {
  return await withSystem(setting.broker, contender, {}, async (system) => {
    const pid = system.pid!;
    const counted = Promise.withResolvers<number>();
    const onSending = () => {
      const before = { cpu: cpuSeconds(pid), ms: performance.now() };
      setTimeout(() => {
        const elapsed = (performance.now() - before.ms) / 1000;
        counted.resolve((cpuSeconds(pid) - before.cpu) / elapsed);
      }, countedMs);
    };
    await load(system, { clients, publishers: 10, rate, durationMs: sendingMs }, onSending);
    return { "µs a message": ((await counted.promise) * 1e6) / rate };
  });
}

/** Realistic values: most are in the first few buckets. */
function nsPerRecord(): number {
  const histogram = new Histogram({ name: "warren_bench_seconds", help: "" });
  const values = Float64Array.from({ length: 1024 }, (_, index) => 0.0003 * 1.004 ** index);
  const best: number[] = [];
  for (let round = 0; round < 5; round++) {
    const startedNs = Bun.nanoseconds();
    for (let count = 0; count < recordings; count++) histogram.record(values[count & 1023]!);
    best.push((Bun.nanoseconds() - startedNs) / recordings);
  }
  return Math.min(...best);
}

async function scraping(setting: Setting) {
  const count = setting.isQuick ? scrapedClientsWhenQuick : scrapedClients;
  const contender = `${count.toLocaleString("en-US")} clients`;
  const managers = await startManagers(setting.broker, 1);
  const [manager] = managers.each as [Managed];
  try {
    const idle = join(import.meta.dir, "../idle-clients.ts");
    const crowd = await Program.start(idle, [manager.wsUrl("/ws?topic=bench"), `${count}`, "stomp"]);
    try {
      const [open] = (await crowd.ready).split(" ");
      if (Number(open) !== count) throw new Error(`${open} of ${count} clients connected`);
      const took: number[] = [];
      for (let scrape = 0; scrape < scrapes; scrape++) {
        const startedMs = performance.now();
        const text = await (await fetch(new URL("/metrics", manager.url))).text();
        took.push(performance.now() - startedMs);
        if (!text.includes(`\nwarren_clients ${count}\n`)) throw new Error("the metrics count other clients");
        await Bun.sleep(100);
      }
      setting.say(`scrape  ${took.map((ms) => ms.toFixed(1)).join(" ")} ms`);
      // The first request compiles code, which happens once in the life of a process.
      return { contender, samples: [Math.max(...took.slice(1))], failures: [] };
    } finally {
      await crowd.kill();
    }
  } catch (error) {
    return { contender, samples: [], failures: [String(error)] };
  } finally {
    await managers.stop();
  }
}
