import type { Audience, Group } from "./audience.ts";

/** The groups that a topic's messages go to. */
export type Route = readonly Group[];

/** Shared, so that a topic without subscribers costs next to nothing. */
export const nowhere: Route = [];

/** How many routes were made so far. */
let routeCount = 0;

/** Puts audiences that get the same bytes together. A topic may have tens of thousands of them, and clients come and go, so it is done often. */
export function routeTo(audiences: readonly Audience[]): Route {
  if (audiences.length === 0) return nowhere;
  const [first] = audiences;
  // Most topics have a single audience.
  if (audiences.length === 1) return [aloneOf(first!)];
  const number = ++routeCount;
  const route: Group[] = [];
  for (const audience of audiences) {
    const index = audience.sharedHead.indexIn(number, route.length);
    const group = route[index];
    if (group === undefined) route.push(aloneOf(audience));
    else if (group === group.audiences[0]!.alone)
      route[index] = { ...group, audiences: [group.audiences[0]!, audience] };
    else (group.audiences as Audience[]).push(audience);
  }
  return route;
}

/** Divides a route into parts of at most so many audiences. */
export function* partsOf(route: Route, most: number): Generator<Route, void> {
  let part: Group[] = [];
  let left = most;
  for (const group of route) {
    for (let from = 0; from < group.audiences.length; ) {
      const isWhole = from === 0 && group.audiences.length <= left;
      const audiences = isWhole ? group.audiences : group.audiences.slice(from, from + left);
      part.push(isWhole ? group : { ...group, audiences });
      from += audiences.length;
      left -= audiences.length;
      if (left > 0) continue;
      yield part;
      part = [];
      left = most;
    }
  }
  if (part.length > 0) yield part;
}

/** The group of one audience alone. It is made once. */
function aloneOf(audience: Audience): Group {
  audience.alone ??= { encoding: audience.encoding, head: audience.head, audiences: [audience] };
  return audience.alone;
}

/** Whether an encoding of the route includes the message's id. */
export function includesId(route: Route): boolean {
  for (const { encoding } of route) if (encoding.includesId) return true;
  return false;
}
