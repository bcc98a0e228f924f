import { inParts } from "../../text-parts.ts";

/** The messages for watchers of a topic: JSON, in bodies of limited size. */

/** About how many bytes of client ids a body lists; text counts in characters. */
const listBytesMax = 32 * 1024;

/** The list of members, in one or more parts. The first part tells the client to start a new list. */
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

/** @param count how many members there are now */
export function changeBodies(event: "joined" | "left", clients: readonly string[], count: number): string[] {
  if (clients.length === 0) return [];
  return inParts(clients, listBytesMax).map((some) => JSON.stringify({ event, count, clients: some }));
}

/** A body with the number of members. @param missing managers that have not told theirs */
export function countBody(count: number, missing: readonly string[]): string {
  return JSON.stringify({ event: "count", count, ...(missing.length > 0 ? { missing } : {}) });
}

/** A body that says that nothing more comes, since there are too many members. */
export const overfullBody = JSON.stringify({
  event: "unavailable",
  reason: "the topics that are watched have more clients than this manager can keep a list of",
});
