import { load } from "../load.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { plain, raw } from "../systems/contenders.ts";
import { cpuSeconds } from "../systems/usage.ts";
import { faultOf } from "../verdict.ts";

/** The same at each number of receivers, and well below what any of them can take. */
const deliveriesPerSecond = 100_000;
const few = 10;
const many = 10_000;

/** Counted after a second of sending, and up to a second before its end. */
const countedMs = 4000;

/** What a delivery costs when many clients hear a message, against when few do. */
export const receivers: Case = {
  name: "receivers",
  what: "CPU time of a delivery, from 10 to 10,000 receivers",
  isQuick: false,
  async run(setting) {
    const turns = await inRounds(
      setting,
      "receivers",
      new Map(
        [raw, plain].flatMap((contender) =>
          [few, many].map((clients) => [
            `${contender.name} to ${clients.toLocaleString("en-US")}`,
            () => turn(setting, contender, clients),
          ]),
        ),
      ),
    );
    const title = `CPU time of a delivery at ${deliveriesPerSecond.toLocaleString("en-US")} deliveries/s, publishing to RabbitMQ included`;
    return [{ name: "receivers", title, unit: "µs", series: seriesOf(turns, "µs a delivery") }];
  },
};

async function turn(setting: Setting, contender: Contender, clients: number) {
  const system = await contender.start(setting.broker, { withProcessor: false });
  try {
    const pid = system.pid!;
    const counted = Promise.withResolvers<number>();
    const onSending = () => {
      const before = { cpu: cpuSeconds(pid), ms: performance.now() };
      setTimeout(() => {
        const seconds = (performance.now() - before.ms) / 1000;
        counted.resolve((cpuSeconds(pid) - before.cpu) / seconds);
      }, countedMs);
    };
    const rate = deliveriesPerSecond / clients;
    const options = { clients, publishers: 1, rate, durationMs: countedMs + 1500 };
    const result = await load(system, options, onSending);
    const fault = await faultOf(system, result, { of: "relayed", p99MsMax: Number.POSITIVE_INFINITY });
    if (fault !== undefined) throw new Error(fault);
    return { "µs a delivery": ((await counted.promise) / deliveriesPerSecond) * 1e6 };
  } finally {
    await system.stop();
  }
}
