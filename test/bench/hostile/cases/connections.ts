import { type LoadOptions, load } from "../../load.ts";
import { seriesOf } from "../../rounds.ts";
import type { Measure } from "../../setting.ts";
import { warren } from "../../systems/contenders.ts";
import type { Program } from "../../systems/program.ts";
import { attack, compare, type HostileCase, honest, latencies, patienceSeconds } from "../case.ts";

export const connections: HostileCase = {
  name: "connections",
  what: "50,000 connection attempts, as fast as they go",
  async run(setting) {
    const attempts = setting.isQuick ? 10_000 : 50_000;
    const many = attempts.toLocaleString("en-US");
    const loading: LoadOptions = {
      patienceSeconds,
      clients: 990,
      publishers: 10,
      rate: 200,
      durationMs: setting.isQuick ? 6000 : 12_000,
    };
    const contender = warren("warren", "", { flags: ["--max-connections-per-second", "1000"] });
    // Two rounds are enough to tell whether anything was lost.
    const few = { ...setting, rounds: Math.min(2, setting.rounds) };
    const comparison = await compare(few, "connections", contender, {
      calm: ["no flood", async (system) => honest(await load(system, loading))],
      attacked: [
        `${many} attempts`,
        async (system) => {
          let flooding: Promise<Program> | undefined;
          const result = await load(system, loading, () => {
            flooding = attack(system, "connections", attempts);
          });
          const program = await flooding!;
          const tally = JSON.parse(await program.ready) as Record<string, number>;
          await program.kill();
          const { letIn, refused, failed, seconds } = tally;
          return {
            ...honest(result),
            "attempts/s": attempts / seconds!,
            "let in": letIn!,
            refused: refused!,
            failed: failed!,
          };
        },
      ],
    });
    const { attacked } = comparison;
    const figuresOf = (figure: string): Measure => ({
      name: `connections-${figure}`,
      title: `A flood of ${many} connection attempts: ${figure}`,
      unit: figure,
      series: seriesOf([attacked], figure),
    });
    return {
      measures: [
        latencies("connections", "1,000 clients, 200 messages/s", comparison),
        ...["attempts/s", "refused"].map(figuresOf),
      ],
      goals: [
        {
          what: `${many} connection attempts: rounds in which a client lost anything`,
          goal: "0",
          value: attacked.failures.length,
          unit: "",
          isReached: attacked.failures.length === 0 && attacked.figures.length > 0,
        },
      ],
    };
  },
};
