import { probe } from "../probe.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case, Setting } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { defaults, raw, withoutCopies } from "../systems/contenders.ts";
import { rssBytes } from "../systems/usage.ts";
import { fanOutRate, publishers, receivers } from "./fan-out.ts";

const durationMs = 3000;

/** Lost or repeated messages make it fail all the same. */
const noLimit = { of: "relayed", p99MsMax: Number.POSITIVE_INFINITY } as const;

/** Relay at half of Warren's highest rate while RabbitMQ is frozen, and by the raw server at the same rate. */
export const frozen: Case = {
  name: "frozen",
  what: "the same relay at half that rate with RabbitMQ frozen: p99 and memory",
  isQuick: false,
  async run(setting) {
    const plainRate = Math.round((await fanOutRate(setting, defaults)) / 2);
    const packedRate = Math.round((await fanOutRate(setting, withoutCopies)) / 2);
    const turns = await inRounds(
      setting,
      "frozen",
      new Map([
        [`${raw.name} at ${plainRate}/s`, () => frozenTurn(setting, raw, plainRate)],
        [`${defaults.name} at ${plainRate}/s`, () => frozenTurn(setting, defaults, plainRate)],
        [`${raw.name} at ${packedRate}/s (packed's)`, () => frozenTurn(setting, raw, packedRate)],
        [`${withoutCopies.name} at ${packedRate}/s`, () => frozenTurn(setting, withoutCopies, packedRate)],
      ]),
    );
    const title = "RabbitMQ frozen, relay at half of Warren's highest rate";
    const warrens = turns.filter(({ contender }) => !contender.startsWith(raw.name));
    return [
      { name: "frozen-p99", title: `${title}: p99`, unit: "ms", series: seriesOf(turns, "p99 ms") },
      {
        name: "frozen-growth",
        title: "The same: growth of the process (resident memory)",
        unit: "MB",
        series: seriesOf(turns, "growth MB"),
      },
      {
        name: "frozen-outbox",
        title: "The same: what waits for RabbitMQ in the end (cap: 64 MiB)",
        unit: "MB",
        series: seriesOf(warrens, "outbox MB"),
      },
    ];
  },
};

async function frozenTurn(setting: Setting, contender: Contender, rate: number) {
  const { node } = setting.broker;
  const system = await contender.start(setting.broker, { withProcessor: false });
  try {
    const load = { clients: receivers, publishers, rate, durationMs };
    const names = { measure: "frozen", contender: contender.name };
    // Once with RabbitMQ running, so that the growth afterwards is not that of a process that has just started.
    await probe(setting, names, system, { ...load, durationMs: 1000 }, noLimit);
    const before = rssBytes(system.pid!);
    node.freeze();
    // A frozen RabbitMQ confirms nothing, so this judges only what clients got.
    const shown = await probe(setting, names, { ...system, unconfirmed: nothing }, load, noLimit);
    if (shown.fault !== undefined) throw new Error(shown.fault);
    const growth = rssBytes(system.pid!) - before;
    const outbox = contender === raw ? 0 : await outboxBytes(system.url);
    return { "p99 ms": shown.p99Ms!, "growth MB": growth / 1e6, "outbox MB": outbox / 1e6 };
  } finally {
    node.thaw();
    await system.stop();
  }
}

function nothing(): Promise<undefined> {
  return Promise.resolve(undefined);
}

async function outboxBytes(wsUrl: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", wsUrl.replace(/^ws/, "http")))).text();
  return Number(/^warren_outbox_bytes (\d+)/m.exec(text)?.[1]);
}
