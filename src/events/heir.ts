import type { EventsLink } from "../broker/events.ts";
import type { Announcer } from "./announcer.ts";
import type { Known } from "./event.ts";
import { readWhole } from "./reading.ts";

/**
 * Speaks for a manager that is dead: tells that its clients are disconnected. Nothing of its own can follow, since its sources are
 * fenced first; and nobody else does the same, since it is done alone. Should this manager die half way, the next one finds in the log
 * what was told already.
 *
 * @returns the number of clients; undefined if another manager is at it
 * @throws if the link was lost
 */
export async function speakForDead(
  [manager, sources, snapshotAt]: Known,
  link: EventsLink,
  announcer: Announcer,
): Promise<number | undefined> {
  let count = 0;
  const wasAlone = await link.alone(manager, async (voice) => {
    for (const source of sources) await link.fence(source);
    const ledger = await readWhole(sources, snapshotAt, link, () => announcer.mark());
    const open = new Map(sources.flatMap((source) => [...ledger.openOf(source)]));
    count = open.size;
    await announcer.speakFor(manager, open, voice);
    for (const source of sources) announcer.ended(source, voice);
    await announcer.settled();
  });
  return wasAlone ? count : undefined;
}
