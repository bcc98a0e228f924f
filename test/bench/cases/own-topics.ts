import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";
import { groupCpuSeconds } from "../systems/usage.ts";

const clients = 1000;
const rate = 2000;
const seconds = 4;

interface Seen {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly answers: number;
  readonly sent: number;
}

/** Questions and answers of very many clients, each on a topic of its own, so that no two messages of a pack have the same topic. */
export const ownTopics: Case = {
  name: "own-topics",
  what: `${clients.toLocaleString("en-US")} clients, each on a topic of its own, ask the processor: p50, p99 and RabbitMQ's CPU`,
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(
      setting,
      "own-topics",
      new Map([
        ["one manager", () => turn(setting, 1, false)],
        ["three managers", () => turn(setting, 3, false)],
        ["three managers beside another program", () => turn(setting, 3, true)],
      ]),
    );
    const title = `${clients.toLocaleString("en-US")} clients, each on a topic of its own, ${rate.toLocaleString("en-US")} questions/s`;
    return [
      { name: "own-topics-p50", title: `${title}: p50`, unit: "ms", series: seriesOf(turns, "p50 ms") },
      { name: "own-topics-p99", title: `${title}: p99`, unit: "ms", series: seriesOf(turns, "p99 ms") },
      {
        name: "own-topics-rabbitmq",
        title: `${title}: RabbitMQ's CPU time for a question and its answer`,
        unit: "µs",
        series: seriesOf(turns, "RabbitMQ µs"),
      },
    ];
  },
};

async function turn({ broker }: Setting, count: number, withListener: boolean) {
  const managers = await startManagers(broker, count, { withProcessor: true, withListener });
  try {
    await broker.calm();
    const before = groupCpuSeconds(broker.node.pid);
    const urls = managers.each.map((manager) => manager.wsUrl()).join(",");
    const seen = await runDriver<Seen>("own-topics.ts", [urls, clients, rate, seconds]);
    const usedSeconds = groupCpuSeconds(broker.node.pid) - before;
    if (seen.answers !== seen.sent) throw new Error(`${seen.answers} answers to ${seen.sent} questions`);
    return { "p50 ms": seen.p50Ms, "p99 ms": seen.p99Ms, "RabbitMQ µs": (usedSeconds * 1e6) / seen.sent };
  } finally {
    await managers.stop();
  }
}
