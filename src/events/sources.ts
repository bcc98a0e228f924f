import { type EventsLink, eventKeys } from "../broker/events.ts";
import type { Known } from "./event.ts";
import { objectIn } from "./json.ts";

/**
 * Looks through the whole log for sources that are not at their end, no matter whose they are. It keeps their names alone.
 *
 * @param until a mark that was published just before
 * @throws if the link was lost
 */
export async function sourcesIn(link: EventsLink, until: string): Promise<readonly Known[]> {
  const sources = new Set<string>();
  const ended = new Set<string>();
  await link.read("first", until, ({ source, key, body }) => {
    if (key === eventKeys.ended) ended.add(String(objectIn(body)?.["ended"]));
    else sources.add(source);
  });
  const byManager = new Map<string, string[]>();
  for (const source of sources) {
    const manager = managerOf(source);
    if (manager === undefined || ended.has(source)) continue;
    byManager.set(manager, [...(byManager.get(manager) ?? []), source]);
  }
  return [...byManager].map(([manager, open]) => [manager, open, 0]);
}

/** A source is named after its manager: `PREFIX.MANAGER.NUMBER`. What was published in another way has none. */
function managerOf(source: string): string | undefined {
  return /\.([^.]+)\.\d+$/.exec(source)?.[1];
}
