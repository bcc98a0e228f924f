import type { Passage } from "./event.ts";
import type { Gathered } from "./gathered.ts";
import { entriesMax } from "./snapshots.ts";

/**
 * Who came and went, in records for the log alone, each of which has a bounded number of clients. Who came and went is opened before it is
 * closed: the last record of those that came is the first one of those that went.
 *
 * @param isOfThem which of the events are meant, by their places
 */
export function passagesOf(manager: string, events: Gathered, isOfThem: (at: number) => boolean): Passage[] {
  const opened: number[] = [];
  const clients: (string | null)[] = [];
  const closed: number[] = [];
  for (let at = 0; at < events.length; at++) {
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
  const passages: Passage[] = [];
  let closedAt = 0;
  for (let at = 0; at < opened.length || closedAt < closed.length; at += entriesMax) {
    const end = at + entriesMax;
    const ended = end >= opened.length ? closed.slice(closedAt, closedAt + entriesMax) : [];
    closedAt += ended.length;
    passages.push({
      manager,
      opened: opened.slice(at, end),
      clients: clients.slice(at, end),
      closed: ended,
    });
  }
  return passages;
}
