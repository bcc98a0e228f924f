import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { startManagers } from "../systems/managers.ts";

const clients = 5000;
const messages = 100;

/** A manager is killed, and all of its durable subscribers resume at once on another one. Each must get everything, in order. */
export const resume: Case = {
  name: "stomp-resume",
  what: "5,000 durable subscribers resume 100 messages each on another manager after a SIGKILL",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(setting, "resume", new Map([["warren", () => turn(setting)]]));
    const title = `${clients.toLocaleString("en-US")} durable subscribers resume ${messages} messages each on another manager`;
    return [
      { name: "stomp-resume", title, unit: "s", series: seriesOf(turns, "seconds") },
      {
        name: "stomp-resume-growth",
        title: "The same: growth of that manager (resident memory)",
        unit: "MB",
        series: seriesOf(turns, "growth MB"),
      },
    ];
  },
};

async function turn({ broker }: Setting) {
  const managers = await startManagers(broker, 2);
  const [a, b] = managers.each;
  try {
    const args = [a!.wsUrl(), a!.pid, b!.wsUrl(), b!.pid, clients, messages];
    const { seconds, growthMb } = await runDriver<{ seconds: number; growthMb: number }>("resume.ts", args);
    return { seconds, "growth MB": growthMb };
  } finally {
    await managers.stop();
  }
}
