import { load } from "../load.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import { withSystem } from "../systems/contender.ts";
import { defaults, withoutCopies } from "../systems/contenders.ts";
import { groupCpuSeconds } from "../systems/usage.ts";
import { faultOf } from "../verdict.ts";
import { askers } from "./askers.ts";

const rates = [8000, 20_000] as const;

/** If answers take longer than this, the system did not keep up, and its cost at this rate is unknown. In milliseconds. */
const p99MsMax = 500;

/** The warm-up, in which the code of all roles is compiled. */
const warmupMs = 3000;
/** Counted from a second after the start of sending. */
const countedMs = 3000;
const sendingMs = 4500;

/** What a round trip costs RabbitMQ, at rates that the roles keep up with. */
export const roundTripCost: Case = {
  name: "round-trip-cost",
  what: "RabbitMQ's CPU time for a round trip at 8,000/s and at 20,000/s",
  isQuick: false,
  async run(setting) {
    const turns = await inFewRounds(
      setting,
      "round-trip-cost",
      new Map(
        [defaults, withoutCopies].flatMap((contender) =>
          rates.map((rate): [string, () => Promise<{ µs: number }>] => [
            `${contender.name} at ${rate.toLocaleString("en-US")}/s`,
            async () => ({ µs: await cost(setting, contender, rate) }),
          ]),
        ),
      ),
    );
    const title = "Client → processor → client: RabbitMQ's CPU time for a message and its answer";
    return [{ name: "round-trip-cost", title, unit: "µs", series: seriesOf(turns, "µs") }];
  },
};

/** In microseconds a message. */
async function cost(setting: Setting, contender: typeof defaults, rate: number): Promise<number> {
  return await withSystem(setting.broker, contender, { withProcessor: true }, async (system) => {
    await load(system, { ...askers, rate, durationMs: warmupMs });
    await setting.broker.calm();
    const counted = Promise.withResolvers<number>();
    const { pid } = setting.broker.node;
    const onSending = () => {
      const [beforeSeconds, beforeMs] = [groupCpuSeconds(pid), performance.now()];
      setTimeout(() => {
        const messages = ((performance.now() - beforeMs) / 1000) * rate;
        counted.resolve(((groupCpuSeconds(pid) - beforeSeconds) * 1e6) / messages);
      }, countedMs);
    };
    const result = await load(system, { ...askers, rate, durationMs: sendingMs }, onSending);
    const fault = await faultOf(system, result, { of: "processed", p99MsMax });
    if (fault !== undefined) throw new Error(fault);
    return await counted.promise;
  });
}
