import { inFewRounds, seriesOf, type Turns } from "../rounds.ts";
import { middleMean } from "../samples.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { type Managed, startManagers } from "../systems/managers.ts";
import { withoutEvents } from "../systems/without-events.ts";

const clients = 1000;
/** A manager's small heap is collected four or five times in a round, and three per cent is less than one of them. */
const stormRounds = { warmUp: 10, count: 40 };
const stormRoundsWhenQuick = { warmUp: 3, count: 5 };
/** They take longer, and hardly differ. */
const evenRounds = { warmUp: 1, count: 10 };
/** Connections that come evenly, so that few clients' events are sent together. */
const evenRate = 500;

interface Seen {
  readonly cpuUs: readonly number[];
  readonly wallUs: readonly number[];
}

const others = "without events";

/** What events add to the cost of connecting if no program listens. Two managers take turns, each on its own vhost. */
export const connecting: Case = {
  name: "events-connecting",
  what: "connecting, nobody listening to events, beside the same executable without events",
  isQuick: false,
  async run(setting) {
    const path = await withoutEvents();
    const turns = await inFewRounds(setting, "connecting", new Map([["warren", () => turn(setting, path)]]));
    const measure = (name: string, title: string, figure: string) => ({
      name,
      title,
      unit: "µs",
      series: [...seriesOf(turns, figure), ...seriesOf(renamed(turns), `${figure} ${others}`)],
    });
    return [
      measure(
        "connecting-cpu",
        "Connecting, as fast as they are let in: CPU time of the manager",
        "storm cpu",
      ),
      measure("connecting-wall", "The same, by the clock", "storm wall"),
      measure("connecting-even-cpu", `Connecting, ${evenRate} a second: CPU time of the manager`, "even cpu"),
    ];
  },
};

const renamed = (turns: readonly Turns[]) => turns.map((one) => ({ ...one, contender: others }));

async function turn({ broker, isQuick }: Setting, path: string) {
  const both: Awaited<ReturnType<typeof startManagers>>[] = [];
  try {
    both.push(await startManagers(broker, 1), await startManagers(broker, 1, { path }));
    const each = both.map(({ each: [manager] }) => manager as Managed);
    const run = async (rate: number, { warmUp, count }: typeof evenRounds) =>
      await runDriver<[Seen, Seen]>("connecting.ts", [
        ...[clients, rate, warmUp, count],
        ...each.map(({ pid, url }) => `${pid}=${url.replace("http", "ws")}`),
      ]);
    const [storm, stormWithout] = await run(0, isQuick ? stormRoundsWhenQuick : stormRounds);
    const [even, evenWithout] = await run(evenRate, evenRounds);
    return {
      "storm cpu": middleMean(storm.cpuUs)!,
      [`storm cpu ${others}`]: middleMean(stormWithout.cpuUs)!,
      "storm wall": middleMean(storm.wallUs)!,
      [`storm wall ${others}`]: middleMean(stormWithout.wallUs)!,
      "even cpu": middleMean(even.cpuUs)!,
      [`even cpu ${others}`]: middleMean(evenWithout.cpuUs)!,
    };
  } finally {
    for (const managers of both) await managers.stop();
  }
}
