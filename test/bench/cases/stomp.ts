import { highestTurn } from "../highest.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case } from "../setting.ts";
import type { Contender } from "../systems/contender.ts";
import { durable, rawFrames, stomp } from "../systems/contenders.ts";
import { durationMs, p99MsMax, publishers, receivers } from "./fan-out.ts";

const guesses: readonly (readonly [Contender, number])[] = [
  [rawFrames, 2200],
  [stomp, 1500],
  [durable, 1000],
];

/** The fan-out again, for STOMP clients; the plugin Web STOMP is among the contenders of the first. */
export const stompFanOut: Case = {
  name: "stomp",
  what: "relay to 1,000 STOMP subscribers, live and durable: the highest rate with p99 < 100 ms",
  isQuick: false,
  async run(setting) {
    const highest = {
      measure: "stomp",
      withProcessor: false,
      load: { clients: receivers, publishers, durationMs },
      limit: { of: "relayed", p99MsMax },
    } as const;
    const turns = await inRounds(
      setting,
      "stomp",
      new Map(
        guesses.map(([contender, guess]) => [
          contender.name,
          highestTurn(setting, highest, contender, guess),
        ]),
      ),
    );
    const title = `Relay to ${receivers.toLocaleString("en-US")} STOMP subscribers, RabbitMQ confirming: highest rate with p99 < ${p99MsMax} ms`;
    return [{ name: "stomp", title, unit: "messages/s", series: seriesOf(turns, "messages/s") }];
  },
};
