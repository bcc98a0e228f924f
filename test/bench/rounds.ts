import type { Series } from "./samples.ts";
import type { Setting } from "./setting.ts";
import { NotHere } from "./systems/contender.ts";

/** The figures of one turn, by the name of the measure. */
export type Figures = Readonly<Record<string, number>>;

/** The figures of all turns of one contender. */
export interface Turns {
  readonly contender: string;
  readonly figures: Figures[];
  readonly failures: string[];
}

/** How many rounds there are, and what reports them. */
export type Rounds = Pick<Setting, "rounds" | "say">;

const fewRounds = 3;

/** A contender that has only failed gets no more turns after this many. */
const hopelessAfter = 2;

/** The rounds of cases that hardly vary, or are far from their goal. */
export function inFewRounds(
  setting: Rounds,
  what: string,
  contenders: ReadonlyMap<string, () => Promise<Figures>>,
): Promise<readonly Turns[]> {
  return inRounds({ ...setting, rounds: Math.min(fewRounds, setting.rounds) }, what, contenders);
}

/**
 * Gives every contender its turn in every round, in a rotating order, so that other work of the machine affects all of them alike. A turn
 * that throws counts as the contender's failure in that round, and is reported.
 */
export async function inRounds(
  setting: Rounds,
  what: string,
  contenders: ReadonlyMap<string, () => Promise<Figures>>,
): Promise<readonly Turns[]> {
  const all = [...contenders].map(([contender, turn]) => ({
    turns: { contender, figures: [] as Figures[], failures: [] as string[] },
    turn,
    isHere: true,
  }));
  for (let round = 0; round < setting.rounds; round++) {
    for (let place = 0; place < all.length; place++) {
      const entry = all[(place + round) % all.length]!;
      if (!entry.isHere) continue;
      const { contender, figures, failures } = entry.turns;
      const prefix = `${what} ${round + 1}/${setting.rounds}  ${contender}`;
      try {
        const shown = await entry.turn();
        figures.push(shown);
        setting.say(`${prefix}: ${describe(shown)}`);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        failures.push(reason);
        const isHopeless = figures.length === 0 && failures.length >= hopelessAfter;
        entry.isHere = !(error instanceof NotHere) && !isHopeless;
        setting.say(`${prefix}: failed: ${reason}`);
      }
    }
  }
  return all.map(({ turns }) => turns);
}

/** One figure of all turns. */
export function seriesOf(turns: readonly Turns[], figure: string): Series[] {
  return turns.map(({ contender, figures, failures }) => ({
    contender,
    samples: figures.flatMap((shown) => shown[figure] ?? []),
    failures,
  }));
}

function describe(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(4)).toLocaleString("en-US")}`)
    .join(", ");
}
