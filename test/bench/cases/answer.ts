import { load } from "../load.ts";
import { probe } from "../probe.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { defaults, naive, withoutCopies } from "../systems/contenders.ts";
import { askers } from "./askers.ts";

const rate = 500;
/** At this rate, what runs all the time is compiled after some thousand messages, and compilers take what the answers need of two cores. */
const warmupMs = 5000;

/** How long an answer takes at a low rate, at which batching only costs time. */
export const answer: Case = {
  name: "answer",
  what: "client, processor, client at 500 messages/s: p50",
  isQuick: true,
  async run(setting) {
    const contenders = setting.isQuick ? [naive, defaults] : [naive, defaults, withoutCopies];
    const turns = await inRounds(
      setting,
      "answer",
      new Map(contenders.map((contender) => [contender.name, () => turn(setting, contender)])),
    );
    const title = `Client → processor → client at ${rate} messages/s`;
    return [
      { name: "answer-p50", title: `${title}: p50`, unit: "ms", series: seriesOf(turns, "p50 ms") },
      { name: "answer-p99", title: `${title}: p99`, unit: "ms", series: seriesOf(turns, "p99 ms") },
    ];
  },
};

async function turn(setting: Setting, contender: Contender) {
  const system = await contender.start(setting.broker, { withProcessor: true });
  try {
    const options = { ...askers, rate, durationMs: setting.isQuick ? 1500 : 3000 };
    await load(system, { ...options, durationMs: setting.isQuick ? 500 : warmupMs });
    const names = { measure: "answer", contender: contender.name };
    const noLimit = { of: "processed", p99MsMax: Number.POSITIVE_INFINITY } as const;
    const { fault, p50Ms, p99Ms } = await probe(setting, names, system, options, noLimit);
    if (fault !== undefined) throw new Error(fault);
    return { "p50 ms": p50Ms!, "p99 ms": p99Ms! };
  } finally {
    await system.stop();
  }
}
