import { join } from "node:path";
import { ratiosOf } from "../report/comparison.ts";
import { inFewRounds, seriesOf } from "../rounds.ts";
import { median } from "../samples.ts";
import type { Case, Measure, Setting } from "../setting.ts";
import { runDriver } from "../systems/driver.ts";
import { type Managed, type Managers, startManagers } from "../systems/managers.ts";
import { Program } from "../systems/program.ts";
import { cpuSeconds, rssBytes, untilCalm } from "../systems/usage.ts";

/** The compared sides. The first one is the baseline. */
export const sides = ["warren before", "warren"] as const;

/** The name of a turn's figure that belongs to no side. */
const ratioFigure = "ratio";

/** The load of one hot path, in batches of some messages each. */
interface Traffic {
  readonly spoken: "text" | "stomp" | "durable";
  readonly clients: number;
  /** How many deliveries a message makes. */
  readonly heard: number;
  /** Messages in a piece. */
  readonly batch: number;
  /** Pieces in a burst. */
  readonly batches: number;
  readonly withProcessor?: boolean;
}

const receivers = 500;
const askers = 10;
const bursts = 9;
const burstsWhenQuick = 4;
const batches = 30;

const idleClients = 8000;
const idleClientsWhenQuick = 2000;
const settled = { share: 0.02, ms: 400, msMax: 10_000 };
/** How often memory is read after that. The allocator gives memory back in the first seconds. */
const readings = 5;

/** The hot paths, each with two executables: this source's, and the one that `--before` names. */
export const hotPaths: readonly Case[] = [
  traffic("relay", `a message to ${receivers} plain-text clients`, {
    ...{ spoken: "text", clients: receivers, heard: receivers - 1, batch: 20, batches },
  }),
  traffic("stomp", `a message to ${receivers} STOMP clients, live`, {
    ...{ spoken: "stomp", clients: receivers, heard: receivers, batch: 20, batches },
  }),
  traffic("durable", `a message to ${receivers} STOMP clients, durable`, {
    ...{ spoken: "durable", clients: receivers, heard: receivers, batch: 20, batches },
  }),
  traffic("round-trip", `a message of ${askers} clients to a processor, and its answer`, {
    ...{ spoken: "text", clients: askers, heard: 2 * askers - 1, batch: 20, batches, withProcessor: true },
  }),
  {
    name: "idle",
    what: `memory of an idle client, of ${idleClients.toLocaleString("en-US")}`,
    isQuick: true,
    run: async (setting) => await compare(setting, "idle", "bytes", "Memory of an idle client", idle),
  },
];

function traffic(name: string, what: string, options: Traffic): Case {
  const title = `CPU time of ${what}`;
  return {
    name,
    what: `CPU time of ${what}`,
    isQuick: true,
    run: async (setting) =>
      await compare(setting, name, "µs", title, (both) => spent(setting, both, options), options),
  };
}

/** What a side showed in each of the repetitions of a turn. */
type Shown = readonly [before: readonly number[], now: readonly number[]];

async function compare(
  setting: Setting,
  name: string,
  unit: string,
  title: string,
  use: (both: readonly Managers[], setting: Setting) => Promise<Shown>,
  { withProcessor = false }: { readonly withProcessor?: boolean } = {},
): Promise<readonly Measure[]> {
  const turn = async () => {
    const both: Managers[] = [];
    try {
      // The side that starts first has the machine to itself for a moment.
      for (const path of [setting.before, setting.now])
        both.push(await startManagers(setting.broker, 1, { path, withProcessor }));
      const [before, now] = await use(both, setting);
      // Compares pairs, since other work of the machine slowed both sides of a pair.
      const ratios = now.map((value, index) => value / before[index]!);
      return { [sides[0]]: median(before)!, [sides[1]]: median(now)!, [ratioFigure]: median(ratios)! };
    } finally {
      for (const managers of both) await managers.stop();
    }
  };
  const turns = await inFewRounds(setting, name, new Map([["both", turn]]));
  const of = (figure: string) => ({ ...seriesOf(turns, figure)[0]!, contender: figure });
  return [
    { name: `beside-${name}`, title, unit, series: sides.map(of) },
    {
      name: ratiosOf(`beside-${name}`),
      title: `${title}: warren ÷ warren before`,
      unit: "×",
      series: [of(ratioFigure)],
    },
  ];
}

async function spent({ isQuick }: Setting, both: readonly Managers[], options: Traffic): Promise<Shown> {
  const { spoken, clients, heard, batch } = options;
  const address = spoken === "text" && options.withProcessor !== true ? "/ws?topic=bench" : "/ws";
  return await runDriver<Shown>("beside.ts", [
    ...[spoken, clients, heard, batch, options.batches, isQuick ? burstsWhenQuick : bursts],
    ...both.map(({ pids, each: [manager] }) => `${pids.join(",")}=${manager!.wsUrl(address)}`),
  ]);
}

async function idle(both: readonly Managers[], { isQuick }: Setting): Promise<Shown> {
  const count = isQuick ? idleClientsWhenQuick : idleClients;
  const grown = async (managers: Managers) => {
    const [manager] = managers.each as [Managed];
    const empty = await restingBytes(manager.pid);
    const args = [manager.wsUrl(), `${count}`, "text"];
    const crowd = await Program.start(join(import.meta.dir, "../idle-clients.ts"), args);
    try {
      const [open, ...reasons] = (await crowd.ready).split(" ");
      if (Number(open) !== count)
        throw new Error(`${open} of ${count} clients connected: ${reasons.join(" ")}`);
      return [((await restingBytes(manager.pid)) - empty) / count];
    } finally {
      await crowd.kill();
    }
  };
  return [await grown(both[0]!), await grown(both[1]!)];
}

async function restingBytes(pid: number): Promise<number> {
  await untilCalm(() => cpuSeconds(pid), settled);
  const seen: number[] = [];
  while (seen.length < readings) {
    await Bun.sleep(settled.ms);
    seen.push(rssBytes(pid));
  }
  return Math.min(...seen);
}
