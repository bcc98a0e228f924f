import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";

const counts = [1, 10_000] as const;
const rate = 2000;
const seconds = 3;

/**
 * What a delivery costs with very many topics. The same number of clients is connected and the same number of messages is sent,
 * each to ten subscribers of its topic and to one client whose pattern it matches: of 100 patterns, or of the only one.
 */
export const topics: Case = {
  name: "stomp-topics",
  what: "CPU time of a delivery with 10,000 topics and 100 patterns, against one topic",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(
      setting,
      "topics",
      new Map(counts.map((count) => [nameOf(count), () => turn(setting, count)])),
    );
    const title = `CPU time of a delivery, ${rate.toLocaleString("en-US")} messages/s to 11 STOMP subscribers each, publishing included`;
    return [{ name: "stomp-topics", title, unit: "µs", series: seriesOf(turns, "µs a delivery") }];
  },
};

function nameOf(count: number): string {
  return count === 1 ? "one topic" : `${count.toLocaleString("en-US")} topics`;
}

async function turn({ broker }: Setting, count: number) {
  const managers = await startManagers(broker, 1);
  const [manager] = managers.each;
  try {
    const args = [manager!.wsUrl(), manager!.pid, count, rate, seconds];
    const { micros } = await runDriver<{ micros: number }>("topics.ts", args);
    return { "µs a delivery": micros };
  } finally {
    await managers.stop();
  }
}
