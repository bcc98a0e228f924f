import type { EventsLink, Voice } from "../broker/events.ts";
import { tellOfEnds } from "./ends.ts";
import type { Known } from "./event.ts";
import type { Outgoing } from "./outgoing.ts";
import { readWhole } from "./reading.ts";

/** Dead managers that are spoken for together: the log is read once for all of them, and their clients are in memory meanwhile. */
export const spokenForMax = 16;

/** Which managers were spoken for. */
export interface Spoken {
  /** The number of clients of each manager that was spoken for: of those that are missing another manager is at it, or has done it. */
  readonly counts: ReadonlyMap<string, number>;
  /** Why some could not be spoken for. */
  readonly failures: readonly unknown[];
}

/** A dead manager that nobody else speaks for, until this one has done so. */
interface Held {
  readonly known: Known;
  readonly voice: Voice;
}

/**
 * Speaks for managers that are dead: tells that their clients are disconnected. The dead ones cannot say anything after that, since their
 * sources are fenced first, and no other manager speaks for them at the same time. Should this manager die half way, the next one finds in
 * the log what was told already.
 *
 * @param dead at most `spokenForMax`
 * @param isDone whether another manager has spoken for this one meanwhile
 * @throws if the link was lost
 */
export async function speakForDead(
  dead: readonly Known[],
  link: EventsLink,
  outgoing: Outgoing,
  isDone: (manager: string) => boolean = () => false,
): Promise<Spoken> {
  const counts = new Map<string, number>();
  const failures: unknown[] = [];
  const held: Held[] = [];
  const speak = async () => {
    // Reading the log in vain would take long where many clients come back.
    if (held.length === 0) return;
    for (const { known } of held) for (const source of known[1]) await link.fence(source);
    const managers = held.map(({ known }) => known);
    const ledger = await readWhole(managers, link, () => outgoing.mark());
    for (const { known, voice } of held) {
      const [manager, sources] = known;
      const open = new Map(sources.flatMap((source) => [...ledger.openOf(source)]));
      counts.set(manager, open.size);
      await tellOfEnds(outgoing, manager, open, "manager lost", voice);
      for (const source of sources) outgoing.ended(source, voice);
    }
    await outgoing.settled();
  };
  // Each is held until all are spoken for.
  const hold = async (at: number): Promise<void> => {
    const known = dead[at];
    if (known === undefined) return await speak();
    let isHeld = false;
    const speaking = link.alone(known[0], async (voice) => {
      isHeld = true;
      if (!isDone(known[0])) held.push({ known, voice });
      await hold(at + 1);
    });
    await speaking.catch((error: unknown) => {
      if (isHeld) throw error;
      // Where one of them cannot be held, for whatever reason, the others still have their turn.
      failures.push(error);
    });
    if (!isHeld) await hold(at + 1);
  };
  await hold(0);
  return { counts, failures };
}
