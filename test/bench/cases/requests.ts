import { highestTurn } from "../highest.ts";
import { load } from "../load.ts";
import { probe } from "../probe.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import type { Contender, System } from "../systems/contender.ts";
import { defaults, onOwnTopics, requested, yielded } from "../systems/contenders.ts";
import { askers } from "./askers.ts";

const clients = 1000;
const p99MsMax = 50;
/** A rate at which nothing queues, and one at which packs have several messages. */
const [calmRate, busyRate] = [500, 2000] as const;

/** What is timed where half of the questions are answered by a generator. */
const [anAnswer, firstYield] = ["an answer", "first yield"] as const;
/** The app whose questions a generator answers: see `contenders/yielding-handler.ts`. */
const streamingApp = "stream";

/** Each client asks, and gets only its own answers. */
const askingClients = { clients: 0, publishers: clients } as const;

/** The baseline: the round trip of as many clients, each on a topic of its own. */
const ownTopics = [onOwnTopics, askingClients, 5000] as const;
/** The round trip of ten clients that all get everything. Ten connections need far fewer reads and writes than a thousand. */
const ofTen = [defaults, askers, 5000] as const;
const requests = [requested, askingClients, 5000] as const;

type Asked = readonly [Contender, { readonly clients: number; readonly publishers: number }, number];

const noLimit = { of: "processed", p99MsMax: Number.POSITIVE_INFINITY } as const;

/** Requests of very many clients, compared with round trips: of as many clients on topics of their own, and of ten that get everything. */
export const requestsCase: Case = {
  name: "requests",
  what: `${clients.toLocaleString("en-US")} clients ask, each with its own: highest rate, p50 and p99; the first yield of a generator`,
  isQuick: false,
  async run(setting) {
    const highest = await inRounds(
      setting,
      "requests",
      new Map(
        [ownTopics, ofTen, requests].map(([contender, load, guess]) => [
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
        [onOwnTopics.name, () => turn(setting, ownTopics, [calmRate, busyRate])],
        [defaults.name, () => turn(setting, ofTen, [calmRate, busyRate])],
        [requested.name, () => turn(setting, requests, [calmRate, busyRate])],
      ]),
    );
    const yields = await inRounds(setting, "requests", new Map([[yielded.name, () => yieldTurn(setting)]]));
    const title = (rate: number) =>
      `Requests of ${clients.toLocaleString("en-US")} clients at ${rate.toLocaleString("en-US")}/s, beside the round trip`;
    const measure = (name: string, rate: number, figure: string) => ({
      name: `requests-${name}`,
      title: `${title(rate)}: ${figure.split(" ")[0]}`,
      unit: "ms",
      series: seriesOf(times, figure),
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
      {
        name: "requests-first-yield",
        title: `Requests at ${calmRate}/s, half of them answered by a generator that yields four times: p50 of answer and first yield`,
        unit: "ms",
        series: [anAnswer, firstYield].flatMap((contender) =>
          seriesOf(yields, contender).map((series) => ({ ...series, contender })),
        ),
      },
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

/** Both run in the same system at the same time, so that they differ only in the generator. */
async function yieldTurn(setting: Setting) {
  const system = await yielded.start(setting.broker, { withProcessor: true });
  const url = new URL(system.url);
  url.searchParams.set("app", streamingApp);
  const streaming = { ...system, url: url.href };
  const options = {
    clients: 0,
    publishers: clients / 2,
    rate: calmRate / 2,
    durationMs: setting.isQuick ? 1500 : 3000,
  };
  try {
    await Promise.all([system, streaming].map((each) => load(each, { ...options, durationMs: 1000 })));
    const probed = async (contender: string, each: System) => {
      const { fault, p50Ms } = await probe(
        setting,
        { measure: "requests", contender },
        each,
        options,
        noLimit,
      );
      if (fault !== undefined) throw new Error(`${contender}: ${fault}`);
      return p50Ms!;
    };
    const [answerMs, yieldMs] = await Promise.all([probed(anAnswer, system), probed(firstYield, streaming)]);
    return { [anAnswer]: answerMs, [firstYield]: yieldMs };
  } finally {
    await system.stop();
  }
}
