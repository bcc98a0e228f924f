import { atMost } from "../../goals.ts";
import { type Figures, inRounds, seriesOf } from "../../rounds.ts";
import { median } from "../../samples.ts";
import type { Measure } from "../../setting.ts";
import { type System, withSystem } from "../../systems/contender.ts";
import { warren } from "../../systems/contenders.ts";
import type { Program } from "../../systems/program.ts";
import { rssBytes } from "../../systems/usage.ts";
import { attack, type HostileCase } from "../case.ts";
import { greedy as greeds } from "../greedy.ts";

const most = "growth MiB";
const after = "MiB half a minute later";
const mebibyte = 1024 ** 2;

/** How much memory a manager with its defaults keeps for one client of each kind, and for twenty of all kinds together. */
export const greedy: HostileCase = {
  name: "greedy",
  what: "clients that want the manager to keep much",
  async run(setting) {
    const contender = warren("warren", "", { isLimited: true });
    const turn = (kind: string, count: number) => () =>
      withSystem(setting.broker, contender, {}, (system) => growth(system, kind, count, setting.isQuick));
    const kinds = Object.keys(greeds).filter((name) => setting.kind === undefined || name === setting.kind);
    if (kinds.length === 0) throw new Error(`--kind is one of ${Object.keys(greeds).join(", ")}`);
    const turns = await inRounds(
      { ...setting, rounds: 1 },
      "greedy",
      new Map([
        ...kinds.map((kind) => [kind, turn(kind, 1)] as const),
        ["20 of all kinds", turn("greedy", 20)],
      ]),
    );
    const ones = turns.slice(0, -1);
    const twenty = turns.slice(-1);
    const worst = (of: typeof turns, figure: string) =>
      Math.max(...of.map(({ figures }) => median(figures.map((shown) => shown[figure]!)) ?? Number.NaN));
    const measureOf = (figure: string): Measure => ({
      name: `greedy-${figure}`,
      title: `Greedy clients: ${figure} of the manager`,
      unit: "MiB",
      series: seriesOf(turns, figure),
    });
    return {
      measures: [measureOf(most), measureOf(after)],
      goals: [
        atMost("one greedy client: the manager grows by", 256, "MiB", worst(ones, most)),
        atMost("20 greedy clients: the manager grows by", 1024, "MiB", worst(twenty, most)),
        atMost("half a minute after greedy clients have left: still", 64, "MiB", worst(turns, after)),
      ],
    };
  },
};

async function growth(system: System, kind: string, count: number, isQuick: boolean): Promise<Figures> {
  const before = rssBytes(system.pid!);
  let highest = before;
  const watching = setInterval(() => {
    highest = Math.max(highest, rssBytes(system.pid!));
  }, 100);
  let program: Program | undefined;
  try {
    program = await attack(system, kind, count);
    await Bun.sleep(isQuick ? 15_000 : 60_000);
    await program.kill();
    clearInterval(watching);
    await Bun.sleep(30_000);
    return { [most]: (highest - before) / mebibyte, [after]: (rssBytes(system.pid!) - before) / mebibyte };
  } finally {
    clearInterval(watching);
    await program?.kill();
  }
}
