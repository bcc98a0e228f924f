import { type EventsLink, eventKeys } from "../broker/events.ts";
import type { Known } from "./event.ts";
import { objectIn } from "./json.ts";

/**
 * Looks through the whole log for sources that are not at their end, no matter whose they are, and when their last snapshots were
 * taken. It keeps nothing else.
 *
 * @param until a mark that was published just before
 * @throws if the link was lost
 */
export async function sourcesIn(link: EventsLink, until: string): Promise<readonly Known[]> {
  /** The time of each source's last snapshot, in milliseconds since 1970; 0: it has none. */
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
    // A snapshot replaces what its own source said before, not what other sources said.
    byManager.set(manager, [manager, [...others, source], Math.min(othersAt, snapshotAt)]);
  }
  return [...byManager.values()];
}

/** When the snapshot was taken, if this is its first part. */
function beginOf(body: Uint8Array): number | undefined {
  const { part, at } = objectIn(body) ?? {};
  return part === 0 && typeof at === "number" ? at : undefined;
}

/** The manager that a source is named after (`PREFIX.MANAGER.NUMBER`); undefined for what was published in another way. */
function managerOf(source: string): string | undefined {
  return /\.([^.]+)\.\d{1,15}$/.exec(source)?.[1];
}

/** Whether a source is named after a manager; the only source of a process with the embedded broker has its name. */
export function isSourceOf(source: string, manager: string): boolean {
  return source === manager || managerOf(source) === manager;
}
