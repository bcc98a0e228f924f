import type { EventsLink } from "../broker/events.ts";
import { tellOfEnds } from "./ends.ts";
import type { Known } from "./event.ts";
import type { Outgoing } from "./outgoing.ts";
import { readWhole } from "./reading.ts";

/**
 * Speaks for a manager that is dead: tells that its clients are disconnected. The dead one cannot say anything after that, since its
 * sources are fenced first, and no other manager speaks for it at the same time. Should this manager die half way, the next one finds in
 * the log what was told already.
 *
 * @param isDone whether another manager has done so meanwhile
 * @returns the number of clients; undefined if another manager is at it, or has done it
 * @throws if the link was lost
 */
export async function speakForDead(
  [manager, sources, snapshotAt]: Known,
  link: EventsLink,
  outgoing: Outgoing,
  isDone: () => boolean = () => false,
): Promise<number | undefined> {
  let count: number | undefined;
  await link.alone(manager, async (voice) => {
    // Reading the log in vain would take long where many clients come back.
    if (isDone()) return;
    for (const source of sources) await link.fence(source);
    const ledger = await readWhole(sources, snapshotAt, link, () => outgoing.mark());
    const open = new Map(sources.flatMap((source) => [...ledger.openOf(source)]));
    count = open.size;
    await tellOfEnds(outgoing, manager, open, "manager lost", voice);
    for (const source of sources) outgoing.ended(source, voice);
    await outgoing.settled();
  });
  return count;
}
