import { isPattern, wordsOf } from "../../topics/pattern.ts";

/** As many of a client's subscriptions may get the same message. */
export const overlapsMax = 25;
/** Of more than this that overlap with another one, the latest are looked at. */
const lookedAtMax = 256;

/**
 * Whether one more subscription would make it possible that a message goes to more than `overlapsMax` of a client's. What all
 * of these ask for overlaps in pairs, so each of them would overlap with as many: it is enough to count those that do.
 */
export function isTooMuchOverlap(pattern: string, existing: Iterable<string>): boolean {
  const overlapping = overlappingWith(pattern, existing).slice(-lookedAtMax);
  if (overlapping.length < overlapsMax) return false;
  let crowded = 0;
  for (const one of overlapping) {
    let others = 0;
    for (const other of overlapping) if (overlap(one, other)) others++;
    // It counts itself, and the new one would be one more.
    if (others >= overlapsMax) crowded++;
  }
  return crowded >= overlapsMax;
}

function overlappingWith(pattern: string, existing: Iterable<string>): readonly Reach[] {
  const wanted = reach(pattern);
  const overlapping: Reach[] = [];
  for (const name of existing) {
    // Two topics need not be cut up.
    if (!wanted.isPattern && name !== pattern && !isPattern(name)) continue;
    const other = reach(name);
    if (overlap(wanted, other)) overlapping.push(other);
  }
  return overlapping;
}

/** Whether there may be a topic that both stand for. */
export function mayOverlap(one: string, other: string): boolean {
  return overlap(reach(one), reach(other));
}

/** What a name or a pattern fixes of a topic. */
interface Reach {
  readonly name: string;
  readonly isPattern: boolean;
  readonly words: readonly string[];
  /** How many words are before the first `#` and after the last one; undefined if there is none. */
  readonly around: readonly [before: number, after: number] | undefined;
}

function reach(name: string): Reach {
  if (!isPattern(name)) return { name, isPattern: false, words: wordsOf(name), around: undefined };
  const words = wordsOf(name);
  const first = words.indexOf("#");
  const around = first < 0 ? undefined : ([first, words.length - 1 - words.lastIndexOf("#")] as const);
  return { name, isPattern: true, words, around };
}

/**
 * They are told apart by a word before the first `#` of either, or after the last: as `TopicTrie` finds them, so that patterns
 * that do not overlap are never looked at for the same topic.
 */
function overlap(one: Reach, other: Reach): boolean {
  if (!one.isPattern && !other.isPattern) return one.name === other.name;
  const [left, right] = [one.words, other.words];
  if (one.around === undefined && other.around === undefined && left.length !== right.length) return false;
  const before = Math.min(one.around?.[0] ?? left.length, other.around?.[0] ?? right.length);
  const after = Math.min(one.around?.[1] ?? left.length, other.around?.[1] ?? right.length);
  for (let at = 0; at < before; at++) if (differ(left[at]!, right[at]!)) return false;
  for (let at = 1; at <= after; at++) if (differ(left.at(-at)!, right.at(-at)!)) return false;
  return true;
}

function differ(one: string, other: string): boolean {
  return one !== other && one !== "*" && other !== "*";
}
