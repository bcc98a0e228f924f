import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";

interface Seen {
  readonly seconds: number;
}

/** Very many durable subscriptions that come at once, while messages are published. Each must get everything, in order. */
export const storm: Case = {
  name: "stomp-storm",
  what: "durable subscriptions that come back all at once under load: until all are at the log's end",
  isQuick: false,
  async run(setting) {
    const { isQuick } = setting;
    const turns = await inFewRounds(
      setting,
      "storm",
      new Map([
        ["2,000 cut off for 10 s at 4,000/s", () => absence(setting, 2000, 4000, 10)],
        ["10,000 away for a minute at 1,000/s", () => absence(setting, 10_000, 1000, isQuick ? 10 : 60)],
        ["20,000 that connect at 2,000/s", () => connect(setting)],
      ]),
    );
    const measure = (name: string, title: string, unit: string, figure: string) => ({
      name,
      title,
      unit,
      series: seriesOf(turns, figure),
    });
    return [
      measure(
        "stomp-storm",
        "Durable subscriptions, a pattern each: until all are at the end",
        "s",
        "seconds",
      ),
      measure("stomp-storm-live", "The same: a live client's p99 meanwhile", "ms", "live p99 ms"),
    ];
  },
};

async function absence(setting: Setting, clients: number, rate: number, awaySeconds: number) {
  return await beside(setting, ["absence", clients, rate, awaySeconds], awaySeconds + 8);
}

async function connect(setting: Setting) {
  return await beside(setting, ["connect", 2000, 10, 2000], 5);
}

/** How long a live client runs beside it, in a process of its own. */
async function beside(
  { broker }: Setting,
  [scenario, ...args]: readonly [string, ...number[]],
  seconds: number,
) {
  const managers = await startManagers(broker, 1);
  const [manager] = managers.each;
  try {
    const url = manager!.wsUrl();
    const live = runDriver<{ p99Ms: number }>("storm.ts", ["live", url, seconds]);
    const seen = await runDriver<Seen>("storm.ts", [scenario, url, ...args]);
    return { seconds: seen.seconds, "live p99 ms": (await live).p99Ms };
  } finally {
    await managers.stop();
  }
}
