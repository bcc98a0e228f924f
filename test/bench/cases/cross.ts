import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";

const rate = 200;
const seconds = 3;

/** The latency to a client of another manager, and to the processor and back, of the same messages. */
export const cross: Case = {
  name: "stomp-cross",
  what: "latency to a client of another manager, against the processor's answer: p50",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(setting, "cross", new Map([["both", () => turn(setting)]]));
    const series = ["to another manager", "processor and back"].map((contender) => ({
      ...seriesOf(turns, contender)[0]!,
      contender,
    }));
    const title = `Two managers and a processor, ${rate} messages/s: p50`;
    return [{ name: "stomp-cross", title, unit: "ms", series }];
  },
};

async function turn({ broker }: Setting) {
  const managers = await startManagers(broker, 2, { withProcessor: true });
  const [a, b] = managers.each;
  try {
    const args = [a!.wsUrl(), b!.wsUrl(), rate, seconds];
    const seen = await runDriver<{ acrossMs: number; backMs: number; heard: number }>("cross.ts", args);
    if (seen.heard < rate * seconds * 0.99) throw new Error(`only ${seen.heard} messages came`);
    return { "to another manager": seen.acrossMs, "processor and back": seen.backMs };
  } finally {
    await managers.stop();
  }
}
