import type { Epoch, EventsLink } from "../broker/events.ts";
import { tellOfEnds } from "./ends.ts";
import type { Known } from "./event.ts";
import type { Outgoing } from "./outgoing.ts";
import { readWhole } from "./reading.ts";

/** How many dead managers are reported for together. The log is read once for all of them, and their clients are in memory meanwhile. */
export const reportedTogetherMax = 16;

/** The managers that were reported for. */
export interface DeadReport {
  /** How many clients of each manager were reported. If a manager is missing here, another one reports for it, or has done so. */
  readonly counts: ReadonlyMap<string, number>;
  /** Why some managers could not be reported for. */
  readonly failures: readonly unknown[];
}

/** A dead manager for which no other manager reports until this one is done. */
interface Held {
  readonly known: Known;
  readonly epoch: Epoch;
}

/**
 * Reports that the clients of dead managers are disconnected. Their sources are fenced first, so they cannot publish anything after that,
 * and no other manager reports for them at the same time. If this manager dies half way, the next one finds in the log what was reported
 * already.
 *
 * @param dead at most `reportedTogetherMax`
 * @param isDone whether another manager has reported for this one meanwhile
 * @throws Error if the link was lost
 */
export async function reportDead(
  dead: readonly Known[],
  link: EventsLink,
  outgoing: Outgoing,
  isDone: (manager: string) => boolean = () => false,
): Promise<DeadReport> {
  const counts = new Map<string, number>();
  const failures: unknown[] = [];
  const held: Held[] = [];
  const report = async () => {
    // Reading the log in vain would take long when many clients come back.
    if (held.length === 0) return;
    for (const { known } of held) for (const source of known[1]) await link.fence(source);
    const managers = held.map(({ known }) => known);
    const ledger = await readWhole(managers, link, () => outgoing.mark());
    for (const { known, epoch } of held) {
      const [manager, sources] = known;
      const open = new Map(sources.flatMap((source) => [...ledger.openOf(source)]));
      counts.set(manager, open.size);
      await tellOfEnds(outgoing, manager, open, "manager lost", epoch);
      for (const source of sources) outgoing.ended(source, epoch);
    }
    await outgoing.settled();
  };
  // Each lock is held until all are reported.
  const hold = async (at: number): Promise<void> => {
    const known = dead[at];
    if (known === undefined) return await report();
    let isHeld = false;
    const locking = link.alone(known[0], async (epoch) => {
      isHeld = true;
      if (!isDone(known[0])) held.push({ known, epoch });
      await hold(at + 1);
    });
    await locking.catch((error: unknown) => {
      if (isHeld) throw error;
      // If one of them cannot be locked, for whatever reason, the others are still handled.
      failures.push(error);
    });
    if (!isHeld) await hold(at + 1);
  };
  await hold(0);
  return { counts, failures };
}
