import { type LoadOptions, load } from "../../load.ts";
import { type Figures, seriesOf } from "../../rounds.ts";
import { median } from "../../samples.ts";
import type { System } from "../../systems/contender.ts";
import { warren } from "../../systems/contenders.ts";
import { rssBytes } from "../../systems/usage.ts";
import {
  besides,
  compare,
  type HostileCase,
  honest,
  latencies,
  patienceSeconds,
  ratioGoal,
} from "../case.ts";

/** How much may wait for a client that does not read. */
const capKib = 256;
/** How much memory that may take, since Bun's buffers grow by doubling. */
const bufferBytesMax = 2 * capKib * 1024;
/** How much else the process may grow: honest clients' buffers, and the connections themselves. */
const otherBytes = 64 * 1024 ** 2;

const growthFigure = "growth MB";

export const neverReading: HostileCase = {
  name: "never-reading",
  what: "1,000 clients that never read",
  async run(setting) {
    const stuck = setting.isQuick ? 300 : 1000;
    const loading: LoadOptions = {
      patienceSeconds,
      clients: 990,
      publishers: 10,
      rate: 200,
      durationMs: setting.isQuick ? 4000 : 20_000,
    };
    const contender = warren("warren", "", { flags: ["--client-buffer-bytes", `${capKib}KiB`] });
    const measure = async (system: System) => honest(await load(system, loading));
    const comparison = await compare(setting, "never-reading", contender, {
      calm: ["none", (system) => withGrowth(system, () => measure(system))],
      attacked: [
        `${stuck.toLocaleString("en-US")} that never read`,
        (system) => withGrowth(system, () => besides(system, "stuck", stuck, () => measure(system))),
      ],
    });
    const growth = seriesOf([comparison.calm, comparison.attacked], growthFigure);
    const growthMb = median(growth[1]!.samples);
    const growthMbMax = (stuck * bufferBytesMax + otherBytes) / 1e6;
    const title = "1,000 honest clients, 200 messages/s, beside clients that never read";
    return {
      measures: [
        latencies("never-reading", title, comparison),
        {
          name: "never-reading-growth",
          title: "How much the manager grows at most",
          unit: "MB",
          series: growth,
        },
      ],
      goals: [
        ratioGoal("clients that never read", 1.2, comparison),
        {
          what: `clients that never read: growth, twice ${capKib} KiB for each`,
          goal: `≤ ${Math.round(growthMbMax)} MB`,
          value: growthMb ?? Number.NaN,
          unit: "MB",
          isReached: growthMb !== undefined && growthMb <= growthMbMax,
        },
      ],
    };
  },
};

/** The result of `use`, and how much the manager grew at most meanwhile. */
async function withGrowth(system: System, use: () => Promise<Figures>): Promise<Figures> {
  const before = rssBytes(system.pid!);
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, rssBytes(system.pid!));
  }, 100);
  try {
    return { ...(await use()), [growthFigure]: (most - before) / 1e6 };
  } finally {
    clearInterval(watching);
  }
}
