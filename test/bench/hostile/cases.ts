import { constants, setPriority } from "node:os";
import { join } from "node:path";
import type { Result } from "../../../src/bench/result.ts";
import type { Goal } from "../goals.ts";
import { type LoadOptions, load } from "../load.ts";
import { type Figures, inRounds, seriesOf, type Turns } from "../rounds.ts";
import { median } from "../samples.ts";
import type { Measure, Setting } from "../setting.ts";
import { type System, withSystem } from "../systems/contender.ts";
import { warren } from "../systems/contenders.ts";
import { Program } from "../systems/program.ts";
import { openFilesMax, rssBytes } from "../systems/usage.ts";
import { damageOf } from "../verdict.ts";

/** What a case showed. */
export interface Outcome {
  readonly measures: readonly Measure[];
  readonly goals: readonly Goal[];
}

export interface HostileCase {
  readonly name: string;
  readonly what: string;
  run(setting: Setting): Promise<Outcome>;
}

const attackers = join(import.meta.dir, "attackers.ts");
/** Files that a process has open besides its clients. */
const otherFiles = 500;
const p99 = "p99 ms";

/**
 * Hostile clients of a kind, until `use` has ended. They have machines of their own in real life: here they get the processor
 * time that nobody else wants, so that what is seen is what they cost the manager.
 */
async function besides<T>(system: System, kind: string, count: number, use: () => Promise<T>): Promise<T> {
  const program = await Program.start(attackers, [system.url, kind, `${count}`]);
  setPriority(program.pid, constants.priority.PRIORITY_LOW);
  try {
    return await use();
  } finally {
    await program.kill();
  }
}

/** The honest clients' latency. Throws if any of them lost a message or its connection. */
function honest({ clients, relayed }: Result): Figures {
  if (clients.failed > 0) throw new Error(`${clients.failed} honest clients did not connect`);
  if (clients.closed > 0) throw new Error(`${clients.closed} honest clients were closed`);
  const damage = damageOf(relayed);
  if (damage !== undefined) throw new Error(`honest clients: ${damage}`);
  return { [p99]: relayed.p99Us! / 1000, "p50 ms": relayed.p50Us! / 1000 };
}

function latencies(name: string, title: string, turns: readonly Turns[]): Measure {
  return { name, title: `${title}: p99 of honest clients`, unit: "ms", series: seriesOf(turns, p99) };
}

/** A contender's median against another's. A turn that failed is not forgotten: it is a goal that was not reached. */
function ratioGoal(what: string, most: number, turns: readonly Turns[], above: string, below: string): Goal {
  const of = (name: string) => turns.find(({ contender }) => contender === name)!;
  const middle = (name: string) => median(of(name).figures.map((shown) => shown[p99]!));
  const value =
    middle(above) === undefined || middle(below) === undefined ? undefined : middle(above)! / middle(below)!;
  const hasFailed = of(above).failures.length > 0;
  return {
    what,
    goal: `≤ ${most} ×`,
    value: value ?? Number.NaN,
    unit: "×",
    isReached: value !== undefined && value <= most && !hasFailed,
  };
}

/** To each of the crowd. */
const messagesPerSecond = 2;

const crowd: HostileCase = {
  name: "crowd",
  what: "19,000 clients, 5 % of them hostile in five ways",
  async run(setting) {
    const all = Math.min(setting.isQuick ? 3000 : 19_000, openFilesMax() - otherFiles);
    const hostile = Math.round(all * 0.05);
    const publishers = 10;
    const contender = warren("warren", "", {
      flags: ["--max-messages-per-second", "20", "--flood-timeout", "2s"],
    });
    const loading: LoadOptions = {
      clients: all - hostile - publishers,
      publishers,
      // A message keeps server and clients busy for 150 ms here. Any more of them and two cores are full, so that the p99 is
      // a queue's length, to which every further process adds, hostile or not.
      rate: messagesPerSecond,
      durationMs: setting.isQuick ? 4000 : 8000,
    };
    const without = "without hostile clients";
    const among = `with ${hostile.toLocaleString("en-US")} hostile clients`;
    const turn = (isAttacked: boolean) => () =>
      withSystem(setting.broker, contender, {}, async (system) => {
        const measure = async () => honest(await load(system, loading));
        return isAttacked ? await besides(system, "mixed", hostile, measure) : await measure();
      });
    const turns = await inRounds(
      setting,
      "crowd",
      new Map([
        [without, turn(false)],
        [among, turn(true)],
      ]),
    );
    const title = `${(all - hostile).toLocaleString("en-US")} honest clients, ${messagesPerSecond} messages/s to all`;
    return {
      measures: [latencies("crowd", title, turns)],
      goals: [ratioGoal("a crowd, 5 % hostile: p99 ÷ without", 1.5, turns, among, without)],
    };
  },
};

const connections: HostileCase = {
  name: "connections",
  what: "50,000 connection attempts, as fast as they go",
  async run(setting) {
    const attempts = setting.isQuick ? 10_000 : 50_000;
    const loading: LoadOptions = {
      clients: 990,
      publishers: 10,
      rate: 200,
      durationMs: setting.isQuick ? 6000 : 12_000,
    };
    const contender = warren("warren", "", {
      flags: ["--max-connections-per-second", "1000"],
    });
    const calm = "no flood";
    const flooded = `${attempts.toLocaleString("en-US")} attempts`;
    const turns = await inRounds(
      // What is told apart here is any loss from none, for which two rounds are enough.
      { ...setting, rounds: Math.min(2, setting.rounds) },
      "connections",
      new Map([
        [
          calm,
          () =>
            withSystem(setting.broker, contender, {}, async (system) => honest(await load(system, loading))),
        ],
        [
          flooded,
          () =>
            withSystem(setting.broker, contender, {}, async (system) => {
              let flooding: Promise<Program> | undefined;
              const result = await load(system, loading, () => {
                flooding = Program.start(attackers, [system.url, "connections", `${attempts}`]);
              });
              const program = await flooding!;
              const { letIn, refused, failed, seconds } = JSON.parse(await program.ready) as Record<
                string,
                number
              >;
              await program.kill();
              const attemptsPerSecond = attempts / seconds!;
              return {
                ...honest(result),
                "attempts/s": attemptsPerSecond,
                "let in": letIn!,
                refused: refused!,
                failed: failed!,
              };
            }),
        ],
      ]),
    );
    const figuresOf = (figure: string): Measure => ({
      name: `connections-${figure}`,
      title: `A flood of ${attempts.toLocaleString("en-US")} connection attempts: ${figure}`,
      unit: figure,
      series: seriesOf(turns.slice(1), figure),
    });
    const { failures, figures } = turns[1]!;
    return {
      measures: [
        latencies("connections", "1,000 clients, 200 messages/s", turns),
        ...["attempts/s", "refused"].map(figuresOf),
      ],
      goals: [
        {
          what: `${attempts.toLocaleString("en-US")} connection attempts: rounds in which a client lost anything`,
          goal: "0",
          value: failures.length,
          unit: "",
          isReached: failures.length === 0 && figures.length > 0,
        },
      ],
    };
  },
};

/** A client that does not read may have this much waiting for it. */
const capKib = 256;
/** What that may take: Bun's buffers grow by doubling. */
const bufferBytesMax = 2 * capKib * 1024;
/** What the process may grow by besides: buffers of the honest, and of the connections themselves. */
const otherBytes = 64 * 1024 ** 2;

const neverReading: HostileCase = {
  name: "never-reading",
  what: "1,000 clients that never read",
  async run(setting) {
    const stuck = setting.isQuick ? 300 : 1000;
    const loading: LoadOptions = {
      clients: 990,
      publishers: 10,
      rate: 200,
      durationMs: setting.isQuick ? 4000 : 8000,
    };
    const contender = warren("warren", "", { flags: ["--client-buffer-bytes", `${capKib}KiB`] });
    const turn = (isAttacked: boolean) => () =>
      withSystem(setting.broker, contender, {}, async (system) => {
        const before = rssBytes(system.pid!);
        let most = before;
        const watching = setInterval(() => {
          most = Math.max(most, rssBytes(system.pid!));
        }, 100);
        const measure = async () => honest(await load(system, loading));
        try {
          const figures = isAttacked ? await besides(system, "stuck", stuck, measure) : await measure();
          return { ...figures, "growth MB": (most - before) / 1e6 };
        } finally {
          clearInterval(watching);
        }
      });
    const [none, some] = ["none", `${stuck.toLocaleString("en-US")} that never read`];
    const turns = await inRounds(
      setting,
      "never-reading",
      new Map([
        [none, turn(false)],
        [some, turn(true)],
      ]),
    );
    const growth = seriesOf(turns, "growth MB");
    const growthMb = median(growth[1]!.samples);
    const growthMbMax = (stuck * bufferBytesMax + otherBytes) / 1e6;
    return {
      measures: [
        latencies(
          "never-reading",
          "1,000 honest clients, 200 messages/s, beside clients that never read",
          turns,
        ),
        {
          name: "never-reading-growth",
          title: "How much the manager grows at most",
          unit: "MB",
          series: growth,
        },
      ],
      goals: [
        ratioGoal("clients that never read: p99 ÷ without", 1.2, turns, some, none),
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

export const hostileCases: readonly HostileCase[] = [crowd, connections, neverReading];
