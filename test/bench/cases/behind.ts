import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";

const messages = 100_000;
/** More messages than fit into so little memory, in packs of about a hundred. */
const behind = 6000;
const readers = 4;
const times = 3000;

interface Sample {
  readonly medianMs: number;
  readonly maxMs: number;
}

interface Seen {
  readonly alone: Sample;
  readonly besideOne: Sample;
  readonly besideAll: Sample;
  /** For comparison: the same clients, subscribing from the next message on. */
  readonly nextSeconds: number;
  readonly timesSeconds: number;
}

/** Reading what is older than a manager's memory. A few readings of RabbitMQ's stream serve all clients, and none should wait for one that is further behind. */
export const justBehind: Case = {
  name: "stomp-behind",
  what: "the first message from just behind memory while others read it all, and 3,000 times that are looked for at once",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(setting, "behind", new Map([["warren", () => turn(setting)]]));
    const places = ["alone", "beside one that reads all", "beside four"];
    const seriesFor = (suffix: string) =>
      places.map((contender) => ({ ...seriesOf(turns, contender + suffix)[0]!, contender }));
    const title = "A durable client just behind memory: its first message, of 20";
    return [
      { name: "stomp-behind", title: `${title} the median`, unit: "ms", series: seriesFor("") },
      { name: "stomp-behind-max", title: `${title} the slowest`, unit: "ms", series: seriesFor(", max") },
      {
        name: "stomp-behind-times",
        title: `${times.toLocaleString("en-US")} clients at once: until all are in force`,
        unit: "s",
        series: ["next", "a time each"].map((contender) => ({
          ...seriesOf(turns, contender)[0]!,
          contender,
        })),
      },
    ];
  },
};

async function turn({ broker }: Setting) {
  const managers = await startManagers(broker, 1, { flags: ["--log-memory-bytes", "128KiB"] });
  const [manager] = managers.each;
  try {
    const seen = await runDriver<Seen>("behind.ts", [manager!.wsUrl(), messages, behind, readers, times]);
    return {
      alone: seen.alone.medianMs,
      "beside one that reads all": seen.besideOne.medianMs,
      "beside four": seen.besideAll.medianMs,
      "alone, max": seen.alone.maxMs,
      "beside one that reads all, max": seen.besideOne.maxMs,
      "beside four, max": seen.besideAll.maxMs,
      next: seen.nextSeconds,
      "a time each": seen.timesSeconds,
    };
  } finally {
    await managers.stop();
  }
}
