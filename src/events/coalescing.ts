import type { Gathered } from "./gathered.ts";

/** The indexes of one connection's waiting events. */
interface Waiting {
  /** Its `connected`, if that waits. */
  connectedAt: number | undefined;
  /** The topics that it has subscribed to and not unsubscribed. */
  readonly subscribedAt: Map<string, number>;
  /** Its `unsubscribed`. */
  readonly unsubscribedAt: number[];
}

/**
 * Removes events that cancel one another: a topic that was subscribed to and unsubscribed, a client that came and went, and the
 * subscriptions of a client that has gone. What remains is the difference from what was published before.
 *
 * @param from the index of the first event that may be removed
 */
export function removeCancelled(events: Gathered, from = 0): void {
  const isOut = new Uint8Array(events.length);
  const connections = new Map<number, Waiting>();
  for (let at = from; at < events.length; at++) {
    const event = events.eventOf(at);
    const number = events.numberOf(at);
    const topic = events.detailOf(at) ?? "";
    let waiting = connections.get(number);
    if (waiting === undefined) {
      waiting = { connectedAt: undefined, subscribedAt: new Map(), unsubscribedAt: [] };
      connections.set(number, waiting);
    }
    const { connectedAt, subscribedAt, unsubscribedAt } = waiting;
    if (event === "connected") waiting.connectedAt = at;
    else if (event === "subscribed") subscribedAt.set(topic, at);
    else if (event === "unsubscribed") {
      const before = subscribedAt.get(topic);
      if (before === undefined) unsubscribedAt.push(at);
      else {
        isOut[before] = isOut[at] = 1;
        subscribedAt.delete(topic);
      }
    } else {
      for (const each of subscribedAt.values()) isOut[each] = 1;
      for (const each of unsubscribedAt) isOut[each] = 1;
      if (connectedAt !== undefined) isOut[connectedAt] = isOut[at] = 1;
      connections.delete(number);
    }
  }
  events.remove(events.length, (at) => isOut[at] === 1);
}
