import { highestTurn } from "../highest.ts";
import { inRounds, seriesOf } from "../rounds.ts";
import type { Case } from "../setting.ts";
import { defaults, receipted } from "../systems/contenders.ts";
import { confirmMsMax } from "../verdict.ts";

/** Ten clients on one topic, so that nearly all of the work is publishing. */
const load = { clients: 0, publishers: 10, durationMs: 1500 } as const;

/**
 * What it costs a sender to be told that RabbitMQ has each of its messages. A second is allowed to
 * either: without receipts, for 99 % to be relayed and for the last to be confirmed; with them, for 99 % of the receipts.
 */
export const receipts: Case = {
  name: "stomp-receipts",
  what: "publishing with a receipt for each message, confirmed by RabbitMQ, against plain text without",
  isQuick: false,
  async run(setting) {
    // The goal is a third, so coarse steps are enough.
    const options = { measure: "stomp-receipts", withProcessor: false, load, step: 1.1 } as const;
    const without = { ...options, limit: { of: "relayed", p99MsMax: confirmMsMax } } as const;
    const withThem = { ...options, limit: { of: "receipts", p99MsMax: confirmMsMax } } as const;
    const turns = await inRounds(
      setting,
      "receipts",
      new Map([
        [defaults.name, highestTurn(setting, without, defaults, 20_000)],
        [receipted.name, highestTurn(setting, withThem, receipted, 15_000)],
      ]),
    );
    const title = `Publishing by ten clients: highest rate that RabbitMQ confirms within ${confirmMsMax / 1000} s`;
    return [{ name: "stomp-receipts", title, unit: "messages/s", series: seriesOf(turns, "messages/s") }];
  },
};
