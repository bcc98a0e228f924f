import { isPattern, wordsOf } from "../../topics/pattern.ts";

/** How many of a client's subscriptions may match the same message. */
export const overlapsMax = 25;
/** How many of the subscriptions that overlap with a new one are examined, the latest first. */
const lookedAtMax = 256;

/** How many comparisons take as long as one message: the client's rate is charged for them. */
const pairsEach = 100;

/** The result for a new subscription. */
export interface Overlap {
  /** Whether a message could go to more than `overlapsMax` of the client's then. */
  readonly isTooMuch: boolean;
  /** What it took to find out, in messages. */
  readonly messages: number;
}

/**
 * Checks whether a message could match more than `overlapsMax` of a client's subscriptions, after one more is added. Subscriptions that
 * match the same message all overlap with one another, so it is enough to count the overlaps of each.
 */
export function overlapWith(pattern: string, existing: Iterable<string>): Overlap {
  const overlapping = overlappingWith(pattern, existing).slice(-lookedAtMax);
  const { length } = overlapping;
  if (length < overlapsMax) return { isTooMuch: false, messages: 0 };
  // Each counts itself. The new one would be one more.
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
    // Two topics need not be split into words.
    if (!wanted.isPattern && name !== pattern && !isPattern(name)) continue;
    const other = reach(name, numbers);
    if (overlap(wanted, other)) overlapping.push(other);
  }
  return overlapping;
}

/** Whether there may be a topic that matches both. */
export function mayOverlap(one: string, other: string): boolean {
  const numbers = new Map<string, number>();
  return overlap(reach(one, numbers), reach(other, numbers));
}

/** What a topic or pattern requires of a topic. */
interface Reach {
  readonly name: string;
  readonly isPattern: boolean;
  /** A number for each word: `anything` for a `*`, and otherwise the same number for the same word. */
  readonly words: Uint16Array;
  /** How many words are before the first `#`, and how many after the last one; all of them if there is none. */
  readonly before: number;
  readonly after: number;
  /** Whether there is no `#`. */
  readonly isFixed: boolean;
}

/** The number for a `*`, which matches any word. */
const anything = 0;

/** @param numbers the words' numbers; new words are added */
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
    // Numbers are reused for very many words. That may show an overlap where there is none, but never hides one.
    number = 1 + (numbers.size % 65_535);
    numbers.set(word, number);
  }
  return number;
}

/**
 * Two patterns do not overlap if a word differs before the first `#` of either, or after the last. `TopicTrie` matches in the same way, so
 * patterns that do not overlap are never examined for the same topic.
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
