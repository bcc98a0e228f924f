import { highestTurn } from "../highest.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { besideOthers, defaults, light, naive, withoutCopies } from "../systems/contenders.ts";
import { askers } from "./askers.ts";

const p99MsMax = 50;

const guesses: readonly (readonly [Contender, number])[] = [
  [naive, 900],
  [light, 3000],
  [defaults, 16_000],
  [besideOthers, 6000],
  [withoutCopies, 30_000],
];

/** Client → processor → client. */
export const roundTrip: Case = {
  name: "round-trip",
  what: "client, processor, client: the highest rate with p99 < 50 ms and nothing lost",
  isQuick: true,
  async run(setting) {
    const highest = {
      measure: "round-trip",
      withProcessor: true,
      load: { ...askers, durationMs: setting.isQuick ? 1500 : 3000 },
      limit: { of: "processed", p99MsMax },
    } as const;
    const contenders = guesses.filter(([contender]) => !setting.isQuick || contender !== light);
    const turns = await inRounds(
      setting,
      "round-trip",
      new Map(
        contenders.map(([contender, guess]) => [
          contender.name,
          highestTurn(setting, highest, contender, guess),
        ]),
      ),
    );
    const title = `Client → processor → client: highest rate with p99 < ${p99MsMax} ms and nothing lost`;
    return [{ name: "round-trip", title, unit: "messages/s", series: seriesOf(turns, "messages/s") }];
  },
};
