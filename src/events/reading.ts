import type { EventsLink } from "../broker/events.ts";
import { Ledger } from "./ledger.ts";

/** The log is read from this long before the snapshot, in seconds: clocks differ, and RabbitMQ knows the times of chunks alone. */
const slackSeconds = 60;

/**
 * Reads what the log says of some sources of one manager: from its last snapshot on, or from the beginning where that is not found.
 *
 * @param snapshotAt when the snapshot was in the log, in milliseconds since 1970; 0: unknown
 * @param mark publishes a mark, and returns its body
 * @throws if the link was lost
 */
export async function readWhole(
  sources: readonly string[],
  snapshotAt: number,
  link: EventsLink,
  mark: () => string,
): Promise<Ledger> {
  const read = async (from: "first" | number) => {
    const ledger = new Ledger((source) => sources.includes(source));
    await link.read(from, mark(), (record) => ledger.take(record));
    return ledger;
  };
  if (snapshotAt === 0) return await read("first");
  const ledger = await read(Math.floor(snapshotAt / 1000) - slackSeconds);
  return sources.some((source) => ledger.isWhole(source)) ? ledger : await read("first");
}
