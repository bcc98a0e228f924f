import { isPattern, wordsOf } from "../../topics/pattern.ts";

/** How many of a client's subscriptions may get the same message. */
export const overlapsMax = 25;
/** How many of the subscriptions that overlap with a new one are looked at, the latest first. */
const lookedAtMax = 256;

/** How many pairs are compared in the time that one message takes: the client pays for them as for messages. */
const pairsEach = 100;

/** What became of one more subscription. */
export interface Overlap {
  /** Whether a message could go to more than `overlapsMax` of the client's then. */
  readonly isTooMuch: boolean;
  /** What it took to find out, in messages. */
  readonly messages: number;
}

/**
 * Whether a message could go to more than `overlapsMax` of a client's subscriptions after one more. Each of those that get the same
 * message overlaps with all the others, so it is enough to count the overlaps of each.
 */
export function overlapWith(pattern: string, existing: Iterable<string>): Overlap {
  const overlapping = overlappingWith(pattern, existing).slice(-lookedAtMax);
  const { length } = overlapping;
  if (length < overlapsMax) return { isTooMuch: false, messages: 0 };
  // Each counts itself, and the new one would be one more.
  const counts = new Uint16Array(length).fill(1);
  for (let one = 0; one < length; one++)
    for (let other = one + 1; other < length; other++)
      if (overlap(overlapping[one]!, overlapping[other]!)) {
        counts[one]!++;
        counts[other]!++;
      }
  let crowded = 0;
  for (const count of counts) if (count >= overlapsMax) crowded++;
  return { isTooMuch: crowded >= overlapsMax, messages: (length * (length - 1)) / 2 / pairsEach };
}

function overlappingWith(pattern: string, existing: Iterable<string>): readonly Reach[] {
  const numbers = new Map<string, number>();
  const wanted = reach(pattern, numbers);
  const overlapping: Reach[] = [];
  for (const name of existing) {
    // Two topics need not be cut up.
    if (!wanted.isPattern && name !== pattern && !isPattern(name)) continue;
    const other = reach(name, numbers);
    if (overlap(wanted, other)) overlapping.push(other);
  }
  return overlapping;
}

/** Whether there may be a topic that both stand for. */
export function mayOverlap(one: string, other: string): boolean {
  const numbers = new Map<string, number>();
  return overlap(reach(one, numbers), reach(other, numbers));
}

/** What a name or a pattern fixes of a topic. */
interface Reach {
  readonly name: string;
  readonly isPattern: boolean;
  /** A number for each word: `anything` for a `*`, and the same for the same words. */
  readonly words: Uint16Array;
  /** How many words are before the first `#` and after the last one; all if there is none. */
  readonly before: number;
  readonly after: number;
  /** Whether there is none. */
  readonly isFixed: boolean;
}

/** The number of `*`, which is any word. */
const anything = 0;

/** @param numbers those that words have, and get */
function reach(name: string, numbers: Map<string, number>): Reach {
  const texts = wordsOf(name);
  const words = Uint16Array.from(texts, (word) => numberOf(word, numbers));
  const first = texts.indexOf("#");
  const isFixed = first < 0;
  const before = isFixed ? words.length : first;
  const after = isFixed ? words.length : words.length - 1 - texts.lastIndexOf("#");
  return { name, isPattern: isPattern(name), words, before, after, isFixed };
}

function numberOf(word: string, numbers: Map<string, number>): number {
  if (word === "*") return anything;
  let number = numbers.get(word);
  if (number === undefined) {
    // Words beyond what a number can tell apart would be taken for one another, and for more overlap than there is.
    number = 1 + (numbers.size % 65_535);
    numbers.set(word, number);
  }
  return number;
}

/**
 * They are told apart by a word before the first `#` of either, or after the last: as `TopicTrie` finds them, so that patterns
 * that do not overlap are never looked at for the same topic.
 */
function overlap(one: Reach, other: Reach): boolean {
  if (!one.isPattern && !other.isPattern) return one.name === other.name;
  const [left, right] = [one.words, other.words];
  const [leftLength, rightLength] = [left.length, right.length];
  if (one.isFixed && other.isFixed && leftLength !== rightLength) return false;
  const before = Math.min(one.before, other.before);
  for (let at = 0; at < before; at++) if (differ(left[at]!, right[at]!)) return false;
  const after = Math.min(one.after, other.after);
  for (let at = 1; at <= after; at++)
    if (differ(left[leftLength - at]!, right[rightLength - at]!)) return false;
  return true;
}

function differ(one: number, other: number): boolean {
  return one !== other && one !== anything && other !== anything;
}
