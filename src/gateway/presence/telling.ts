import { inParts } from "../../text-parts.ts";

/** What watchers of a topic are told: JSON, in MESSAGE bodies of bounded size. */

/** One body lists about this many bytes of client ids; of text in characters. */
const listBytesMax = 32 * 1024;

/** The list of members, in one or more parts. The first one begins the list anew. */
export function snapshotBodies(
  members: Iterable<string>,
  count: number,
  missing: readonly string[],
): string[] {
  const lists = inParts(members, listBytesMax);
  return lists.map((clients, part) =>
    JSON.stringify({
      event: "snapshot",
      part: part + 1,
      parts: lists.length,
      count,
      clients,
      ...(missing.length > 0 ? { missing } : {}),
    }),
  );
}

/** @param count of all that are there now */
export function changeBodies(event: "joined" | "left", clients: readonly string[], count: number): string[] {
  if (clients.length === 0) return [];
  return inParts(clients, listBytesMax).map((some) => JSON.stringify({ event, count, clients: some }));
}

/** Says how many are there. @param missing managers that did not say */
export function countBody(count: number, missing: readonly string[]): string {
  return JSON.stringify({ event: "count", count, ...(missing.length > 0 ? { missing } : {}) });
}

/** Says that nothing more comes, since there are too many. */
export const overfullBody = JSON.stringify({
  event: "unavailable",
  reason: "the topics that are watched have more clients than this manager can keep a list of",
});
