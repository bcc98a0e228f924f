import { atMost } from "../../goals.ts";
import { type LoadOptions, load } from "../../load.ts";
import { type Figures, inRounds, seriesOf, type Turns } from "../../rounds.ts";
import { median } from "../../samples.ts";
import { type System, withSystem } from "../../systems/contender.ts";
import { warren } from "../../systems/contenders.ts";
import { busy as kinds } from "../busy.ts";
import { besides, type HostileCase, honest, patienceSeconds } from "../case.ts";

const p99 = "p99 ms";
const long = "turns over 50 ms";
/** Turns that were not long because other processes had the core, such as the attackers, which have machines of their own in real life. */
const longByCpu = "turns over 50 ms of CPU time";

/** What honest clients notice of one client of each kind, of 50, and of all kinds together. The manager has its defaults. */
export const busy: HostileCase = {
  name: "busy",
  what: "clients that want the manager to do much",
  async run(setting) {
    const contender = warren("warren", "", { isLimited: true });
    const loading: LoadOptions = {
      patienceSeconds,
      clients: 10,
      publishers: 4,
      rate: 40,
      durationMs: setting.isQuick ? 5000 : 15_000,
    };
    const measure = async (system: System) => {
      const before = await turnsOf(system);
      const figures = honest(await load(system, loading));
      const after = await turnsOf(system);
      return {
        ...figures,
        [long]: after.long - before.long,
        [longByCpu]: after.longByCpu - before.longByCpu,
        turns: after.all - before.all,
      };
    };
    const turn =
      (kind: string, count: number, withProcessor = false) =>
      () =>
        withSystem(setting.broker, contender, { withProcessor }, (system) =>
          count === 0 ? measure(system) : besides(system, kind, count, () => measure(system)),
        );
    const names = Object.keys(kinds).filter((name) => setting.kind === undefined || name === setting.kind);
    if (names.length === 0) throw new Error(`--kind is one of ${Object.keys(kinds).join(", ")}`);
    const turns = await inRounds(
      { ...setting, rounds: 1 },
      "busy",
      new Map([
        ["none", turn("", 0)],
        ...names.map((kind) => [`1 ${kind}`, turn(kind, 1)] as const),
        ...(setting.isQuick ? [] : names.map((kind) => [`50 ${kind}`, turn(kind, 50)] as const)),
        // Each message comes back to all of their subscriptions, in packs.
        ["30 overlaps, answered", turn("overlaps", 30, true)],
        ["20 of all kinds", turn("busy", 20)],
      ]),
    );
    const worst = (of: readonly Turns[], figure: string) =>
      Math.max(
        ...of.map(({ figures }) => median(figures.map((shown: Figures) => shown[figure]!)) ?? Number.NaN),
      );
    const ones = turns.slice(1, 1 + names.length);
    const fifties = turns.slice(1 + names.length, -2);
    return {
      measures: [p99, long, longByCpu].map((figure) => ({
        name: `busy-${figure}`,
        title: `Busy clients, 40 honest messages/s: ${figure}`,
        unit: figure === p99 ? "ms" : "turns",
        series: seriesOf(turns, figure),
      })),
      goals: [
        atMost("one busy client: p99 of the honest", 50, "ms", worst(ones, p99)),
        ...(fifties.length === 0
          ? []
          : [atMost("50 busy clients: p99 of the honest", 250, "ms", worst(fifties, p99))]),
        atMost(
          "busy clients of all kinds: turns of the event loop over 50 ms",
          0,
          "",
          worst(turns.slice(-1), long),
        ),
        atMost("the same, over 50 ms of CPU time", 0, "", worst(turns.slice(-1), longByCpu)),
        atMost(
          "the same of 30 overlaps beside a processor that answers",
          0,
          "",
          worst(turns.slice(-2, -1), long),
        ),
      ],
    };
  },
};

/** The manager's measured turns of the event loop: all, and those over 50 ms, by the clock and by CPU time. */
async function turnsOf(
  system: System,
): Promise<{ readonly all: number; readonly long: number; readonly longByCpu: number }> {
  const url = new URL("/metrics", system.url);
  url.protocol = "http:";
  const lines = (await (await fetch(url)).text()).split("\n");
  const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
  const longOf = (histogram: string) => value(`${histogram}_count`) - value(`${histogram}_bucket{le="0.05"}`);
  return {
    all: value("warren_event_loop_lag_seconds_count"),
    long: longOf("warren_event_loop_lag_seconds"),
    longByCpu: longOf("warren_event_loop_lag_cpu_seconds"),
  };
}
