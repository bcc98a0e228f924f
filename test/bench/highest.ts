import { type LoadOptions, load } from "./load.ts";
import { probe } from "./probe.ts";
import type { Figures } from "./rounds.ts";
import { highestRate } from "./search.ts";
import type { Setting } from "./setting.ts";
import type { Contender, System } from "./systems/contender.ts";
import type { Limit } from "./verdict.ts";

/** A search for the highest rate that contenders keep up. */
export interface Highest {
  readonly measure: string;
  readonly withProcessor: boolean;
  readonly load: Omit<LoadOptions, "rate">;
  readonly limit: Limit;
  /** The ratio of two neighbouring rates, if not the usual one. */
  readonly step?: number;
}

const usualStep = 1.05;
const quickStep = 1.2;

/** A process that has just started gets a warm-up at a share of the rate, so that its hot paths are compiled. */
const warmupMs = 4000;
const warmupShare = 0.5;

/** A rate counts as too high if it fails this often, since a single failure may be a stall of the shared machine. */
const triesMax = 2;

/** How many probes a turn may take. If they are not enough, the next round continues where this one ended. */
const probesMax = { quick: 4, first: 7, later: 4 } as const;

/** How many steps the second probe is away from the guess, in the first round. */
const firstJump = 4;

/** The lowest rate that is tried. */
const lowestRate = 1;

/**
 * A contender's turn in every round: finds the highest rate, from a guess at first and then from the round before.
 *
 * The contender has processes and a vhost of its own. After an overload it is started again, since leftover messages would distort the next
 * probe.
 */
export function highestTurn(
  setting: Setting,
  { measure, withProcessor, load: options, limit, step = usualStep }: Highest,
  contender: Contender,
  guess: number,
): () => Promise<Figures> {
  let last: number | undefined;
  return async () => {
    let system: System | undefined;
    let lastFault: string | undefined;
    let lastRate: number | undefined;
    const passes = async (rate: number) => {
      if (system === undefined) {
        system = await contender.start(setting.broker, { withProcessor });
        const warmup = { ...options, rate: Math.ceil(rate * warmupShare), durationMs: warmupMs };
        if (!setting.isQuick) await load(system, warmup);
      }
      const names = { measure, contender: contender.name };
      const { fault } = await probe(setting, names, system, { ...options, rate }, limit);
      if (fault === undefined) return true;
      [lastFault, lastRate] = [fault, rate];
      if (!contender.isStateless) {
        await system.stop();
        system = undefined;
      }
      return false;
    };
    const passesInTries = async (rate: number) => {
      for (let tries = setting.isQuick ? 1 : triesMax; tries > 0; tries--)
        if (await passes(rate)) return true;
      return false;
    };
    try {
      const isFirst = last === undefined;
      const search = {
        start: last ?? guess,
        step: setting.isQuick ? quickStep : step,
        firstJump: setting.isQuick ? 2 : isFirst ? firstJump : 1,
        lowest: lowestRate,
        probesMax: probesMax[setting.isQuick ? "quick" : isFirst ? "first" : "later"],
      };
      const rate = await highestRate(search, passesInTries);
      last = rate ?? lastRate;
      if (rate === undefined) throw new Error(`not even ${lastRate}/s: ${lastFault}`);
      return { "messages/s": rate };
    } finally {
      // Assigned in a function, which the compiler does not follow.
      await (system as System | undefined)?.stop();
    }
  };
}
