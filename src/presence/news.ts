import { inParts } from "../text-parts.ts";
import { messageMaxBytes, type News } from "./presence-message.ts";

/** What a list of names takes besides the names, and what a name takes besides its text. */
const newsOverheadChars = 64;
const nameOverheadChars = 3;

/** Its size in a message, in characters. */
function sizeOf({ topic, joined, left }: News): number {
  const namesSize = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + name.length + nameOverheadChars, 0);
  return newsOverheadChars + topic.length + namesSize(joined) + namesSize(left);
}

/** Divides news among messages of limited size, in order. */
export function inMessages(news: readonly News[]): News[][] {
  const messages: News[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const one of news) {
    const own = sizeOf(one);
    if (bytes + own > messageMaxBytes) {
      messages.push([]);
      bytes = 0;
    }
    messages.at(-1)!.push(one);
    bytes += own;
  }
  return messages;
}

/** All members of a topic, in parts; none if they are not known. */
export function wholeOf(topic: string, members: Iterable<string> | undefined): News[] {
  if (members === undefined) return [];
  const parts = inParts(members, messageMaxBytes / 2);
  return parts.map((joined, part) => ({ topic, part, parts: parts.length, joined, left: [] }));
}

/** The members of a topic that came and went; none if there are none. */
export function changesOf(topic: string, joined: readonly string[], left: readonly string[]): News[] {
  const partsOf = (names: readonly string[]) =>
    names.length === 0 ? [] : inParts(names, messageMaxBytes / 2);
  return [
    ...partsOf(left).map((some) => ({ topic, joined: [], left: some })),
    ...partsOf(joined).map((some) => ({ topic, joined: some, left: [] })),
  ];
}
