import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";

const messages = 100_000;
const behind = 6000;
const readers = 4;
const times = 3000;

interface Seen {
  readonly alone: { readonly maxMs: number };
  readonly besideOne: { readonly maxMs: number };
  readonly besideAll: { readonly maxMs: number };
  readonly timesSeconds: number;
}

/** What is older than a manager's memory is read from RabbitMQ, by few readings for all: nobody shall wait for who has further to go. */
export const justBehind: Case = {
  name: "stomp-behind",
  what: "the first message from just behind memory while others read it all, and 3,000 times that are looked for at once",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(setting, "behind", new Map([["warren", () => turn(setting)]]));
    const title = "A durable client just behind memory: its first message, the slowest of 20";
    const series = ["alone", "beside one that reads all", "beside four"].map((contender) => ({
      ...seriesOf(turns, contender)[0]!,
      contender,
    }));
    return [
      { name: "stomp-behind", title, unit: "ms", series },
      {
        name: "stomp-behind-times",
        title: `${times.toLocaleString("en-US")} clients that name a time each: until all are in force`,
        unit: "s",
        series: seriesOf(turns, "times s"),
      },
    ];
  },
};

async function turn({ broker }: Setting) {
  const managers = await startManagers(broker, 1, { flags: ["--log-memory-bytes", "2MiB"] });
  const [manager] = managers.each;
  try {
    const seen = await runDriver<Seen>("behind.ts", [manager!.wsUrl(), messages, behind, readers, times]);
    return {
      alone: seen.alone.maxMs,
      "beside one that reads all": seen.besideOne.maxMs,
      "beside four": seen.besideAll.maxMs,
      "times s": seen.timesSeconds,
    };
  } finally {
    await managers.stop();
  }
}
