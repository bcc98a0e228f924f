import { type EventsLink, eventKeys } from "../broker/events.ts";
import type { Known } from "./event.ts";
import { objectIn } from "./json.ts";

/**
 * Searches the whole log for sources that have not ended, of any manager, and for the times of their last snapshots. Nothing else is kept.
 *
 * @param until a mark that was published just before
 * @throws if the link was lost
 */
export async function sourcesIn(link: EventsLink, until: string): Promise<readonly Known[]> {
  /** The time of each source's last snapshot, in milliseconds since 1970; 0: none. */
  const sources = new Map<string, number>();
  const ended = new Set<string>();
  await link.read("first", until, ({ source, key, body }) => {
    if (key === eventKeys.ended) ended.add(String(objectIn(body)?.["ended"]));
    else if (key === eventKeys.snapshot) sources.set(source, beginOf(body) ?? sources.get(source) ?? 0);
    else if (!sources.has(source)) sources.set(source, 0);
  });
  const byManager = new Map<string, Known>();
  for (const [source, snapshotAt] of sources) {
    const manager = managerOf(source);
    if (manager === undefined || ended.has(source)) continue;
    const [, others, othersAt] = byManager.get(manager) ?? [manager, [], Number.POSITIVE_INFINITY];
    // A snapshot replaces what its own source published before, but not other sources' events.
    byManager.set(manager, [manager, [...others, source], Math.min(othersAt, snapshotAt)]);
  }
  return [...byManager.values()];
}

/** When the snapshot was taken, if this is its first part. */
function beginOf(body: Uint8Array): number | undefined {
  const { part, at } = objectIn(body) ?? {};
  return part === 0 && typeof at === "number" ? at : undefined;
}

/** The manager in a source's name (`PREFIX.MANAGER.NUMBER`); undefined for any other name. */
function managerOf(source: string): string | undefined {
  return /\.([^.]+)\.\d{1,15}$/.exec(source)?.[1];
}

/** Whether a source belongs to a manager. With the embedded broker, the only source has the manager's name. */
export function isSourceOf(source: string, manager: string): boolean {
  return source === manager || managerOf(source) === manager;
}
