import { highestTurn } from "../highest.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import { median } from "../samples.ts";
import type { Case, Setting } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { defaults, light, naive, raw, rawBeside, webStomp, withoutCopies } from "../systems/contenders.ts";

export const receivers = 1000;
export const publishers = 10;
export const p99MsMax = 100;

/** Where the search begins, in messages a second. A bad guess costs a few probes. */
const guesses: readonly (readonly [Contender, number])[] = [
  [raw, 2500],
  [rawBeside, 2000],
  [defaults, 2000],
  [withoutCopies, 2200],
  [naive, 1500],
  [light, 2000],
  [webStomp, 12],
];

/** How long a probe sends. With few messages, a single late one would be the hundredth part, and decide the p99. */
export const durationMs = 1500;
const longDurationMs = 4000;
const fewPerSecond = 100;
/** So few messages cannot tell rates apart that differ by a twentieth. */
const fewStep = 1.2;

const quick: readonly Contender[] = [raw, defaults, withoutCopies];

/** Relay to many clients, while RabbitMQ confirms. There is no processor, so nothing waits for answers. */
export const fanOut: Case = {
  name: "fan-out",
  what: "relay to 1,000 clients: the highest rate with p99 < 100 ms",
  isQuick: true,
  async run(setting) {
    const contenders = guesses.filter(([contender]) => !setting.isQuick || quick.includes(contender));
    const turns = await inRounds(
      setting,
      "fan-out",
      new Map(
        contenders.map(([contender, guess]) => [contender.name, fanOutTurn(setting, contender, guess)]),
      ),
    );
    const title = `Relay to ${receivers.toLocaleString("en-US")} clients, RabbitMQ confirming: highest rate with p99 < ${p99MsMax} ms`;
    return [{ name: "fan-out", title, unit: "messages/s", series: seriesOf(turns, "messages/s") }];
  },
};

function fanOutTurn(setting: Setting, contender: Contender, guess: number) {
  return highestTurn(
    setting,
    {
      measure: "fan-out",
      withProcessor: false,
      load: { clients: receivers, publishers, durationMs: fanOutDurationMs(setting, guess) },
      limit: { of: "relayed", p99MsMax },
      ...(guess < fewPerSecond ? { step: fewStep } : {}),
    },
    contender,
    guess,
  );
}

function fanOutDurationMs({ isQuick }: Setting, guess: number): number {
  if (guess < fewPerSecond) return longDurationMs;
  return isQuick ? 1200 : durationMs;
}

/** A contender's rate from the case above, or found in one round if that case was not run. */
export async function fanOutRate(setting: Setting, contender: Contender): Promise<number> {
  const measure = setting.measures.find(({ name }) => name === "fan-out");
  const series = measure?.series.find((one) => one.contender === contender.name);
  const known = median(series?.samples ?? []);
  if (known !== undefined) return known;
  const guess = guesses.find(([one]) => one === contender)?.[1] ?? 1000;
  return (await fanOutTurn(setting, contender, guess)())["messages/s"]!;
}
