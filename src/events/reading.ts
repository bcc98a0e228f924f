import type { EventsLink } from "../broker/events.ts";
import type { Known } from "./event.ts";
import { Ledger } from "./ledger.ts";

/** How long before the snapshot reading begins, in seconds: clocks differ, and RabbitMQ only knows the times of chunks. */
const slackSeconds = 60;

/**
 * Reads the log for the sources of some managers: from their last snapshots on, or from the log's beginning for those without one.
 *
 * @param managers with the times when their snapshots were in the log; 0: unknown
 * @param mark publishes a mark, and returns its body
 * @throws Error if the link was lost
 */
export async function readWhole(
  managers: readonly Known[],
  link: EventsLink,
  mark: () => string,
): Promise<Ledger> {
  const wanted = new Set(managers.flatMap(([, sources]) => sources));
  const read = async (from: "first" | number) => {
    const ledger = new Ledger((source) => wanted.has(source));
    await link.read(from, mark(), (record) => ledger.take(record));
    return ledger;
  };
  const oldestAt = Math.min(...managers.map(([, , snapshotAt]) => snapshotAt));
  if (oldestAt === 0) return await read("first");
  const ledger = await read(Math.floor(oldestAt / 1000) - slackSeconds);
  const isWhole = managers.every(([, sources]) => sources.some((source) => ledger.isWhole(source)));
  return isWhole ? ledger : await read("first");
}
