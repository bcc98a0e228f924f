import { highestTurn } from "../highest.ts";
import { load } from "../load.ts";
import { probe } from "../probe.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { defaults, requested, yielded } from "../systems/contenders.ts";
import { askers } from "./askers.ts";

const clients = 1000;
const p99MsMax = 50;
/** Where nothing queues, and where packs have several messages. */
const [calmRate, busyRate] = [500, 2000] as const;

/** Each client asks, and hears its own answers alone. */
const askingClients = { clients: 0, publishers: clients } as const;

/** What a request is compared with: the round trip of ten clients that all hear everything. */
const roundTrip = [defaults, askers, 5000] as const;
const requests = [requested, askingClients, 5000] as const;

type Asked = readonly [Contender, { readonly clients: number; readonly publishers: number }, number];

const noLimit = { of: "processed", p99MsMax: Number.POSITIVE_INFINITY } as const;

/** Question and answer of very many clients, each of which hears its own alone, beside the round trip that everybody hears. */
export const requestsCase: Case = {
  name: "requests",
  what: `${clients.toLocaleString("en-US")} clients ask, each with its own: highest rate, p50 and p99; the first yield of a generator`,
  isQuick: false,
  async run(setting) {
    const highest = await inRounds(
      setting,
      "requests",
      new Map(
        [roundTrip, requests].map(([contender, load, guess]) => [
          contender.name,
          highestTurn(
            setting,
            {
              measure: "requests",
              withProcessor: true,
              load: { ...load, durationMs: setting.isQuick ? 1200 : 1500 },
              limit: { of: "processed", p99MsMax },
            },
            contender,
            guess,
          ),
        ]),
      ),
    );
    const times = await inRounds(
      setting,
      "requests",
      new Map<string, () => ReturnType<typeof turn>>([
        [defaults.name, () => turn(setting, roundTrip, [calmRate, busyRate])],
        [requested.name, () => turn(setting, requests, [calmRate, busyRate])],
        [yielded.name, () => turn(setting, [yielded, askingClients, 0], [calmRate])],
      ]),
    );
    const title = (rate: number) =>
      `Requests of ${clients.toLocaleString("en-US")} clients at ${rate.toLocaleString("en-US")}/s, beside the round trip`;
    const measure = (name: string, rate: number, figure: string) => ({
      name: `requests-${name}`,
      title: `${title(rate)}: ${figure.split(" ")[0]}`,
      unit: "ms",
      series: seriesOf(times, figure).filter(
        ({ contender }) => rate === calmRate || contender !== yielded.name,
      ),
    });
    return [
      {
        name: "requests",
        title: `Requests of ${clients.toLocaleString("en-US")} clients, beside the round trip: highest rate with p99 < ${p99MsMax} ms`,
        unit: "messages/s",
        series: seriesOf(highest, "messages/s"),
      },
      measure("p50", calmRate, `p50 at ${calmRate}`),
      measure("p99", calmRate, `p99 at ${calmRate}`),
      measure("busy-p50", busyRate, `p50 at ${busyRate}`),
      measure("busy-p99", busyRate, `p99 at ${busyRate}`),
    ];
  },
};

async function turn(setting: Setting, [contender, who]: Asked, rates: readonly number[]) {
  const system = await contender.start(setting.broker, { withProcessor: true });
  try {
    const figures: Record<string, number> = {};
    for (const rate of rates) {
      const options = { ...who, rate, durationMs: setting.isQuick ? 1500 : 3000 };
      await load(system, { ...options, durationMs: 1000 });
      const names = { measure: "requests", contender: contender.name };
      const { fault, p50Ms, p99Ms } = await probe(setting, names, system, options, noLimit);
      if (fault !== undefined) throw new Error(fault);
      figures[`p50 at ${rate}`] = p50Ms!;
      figures[`p99 at ${rate}`] = p99Ms!;
    }
    return figures;
  } finally {
    await system.stop();
  }
}
