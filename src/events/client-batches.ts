import type { ClientBatch } from "./event.ts";
import type { Gathered } from "./gathered.ts";
import { entriesMax } from "./snapshots.ts";

/**
 * Makes records, for the log only, of clients that came and went, each with a limited number of clients. Opened connections come before
 * closed ones: the last record with opened ones is the first with closed ones.
 *
 * @param count only the first events are looked at
 * @param isOfThem selects the events, by their indexes
 */
export function clientBatchesOf(
  manager: string,
  events: Gathered,
  count: number,
  isOfThem: (at: number) => boolean,
): ClientBatch[] {
  const opened: number[] = [];
  const clients: (string | null)[] = [];
  const closed: number[] = [];
  for (let at = 0; at < count; at++) {
    const event = events.eventOf(at);
    const isEnd = event === "disconnected";
    if ((!isEnd && event !== "connected") || !isOfThem(at)) continue;
    const number = events.numberOf(at);
    if (isEnd) closed.push(number);
    else {
      opened.push(number);
      clients.push(events.idOf(at) ?? null);
    }
  }
  const batches: ClientBatch[] = [];
  let closedAt = 0;
  for (let at = 0; at < opened.length || closedAt < closed.length; at += entriesMax) {
    const end = at + entriesMax;
    const ended = end >= opened.length ? closed.slice(closedAt, closedAt + entriesMax) : [];
    closedAt += ended.length;
    batches.push({
      manager,
      opened: opened.slice(at, end),
      clients: clients.slice(at, end),
      closed: ended,
    });
  }
  return batches;
}
