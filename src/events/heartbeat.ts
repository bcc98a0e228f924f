import type { EventsLink } from "../broker/events.ts";
import type { Announcer } from "./announcer.ts";
import type { Heartbeat, ManagerMessage } from "./event.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Succession } from "./succession.ts";

/** A manager's heartbeat, as the others get it. */
export function heartbeatOf(
  manager: string,
  { source }: Pick<EventsLink, "source">,
  { sources, snapshotAt }: Pick<Announcer, "sources" | "snapshotAt">,
  { known: knows }: Pick<Neighbours, "known">,
  { isSettled }: Pick<Succession, "isSettled">,
): string {
  const beat: Heartbeat = { manager, source, sources, snapshotAt, isSettled, knows };
  return JSON.stringify({ beat } satisfies ManagerMessage);
}
