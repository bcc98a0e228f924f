/** The most `*` and `#` that a pattern may have. */
export const wildcardsMax = 16;
/** The most words that a pattern may have, including wildcards. */
const patternWordsMax = 32;
/** The most words that a pattern may have between its first `#` and its last. */
export const middleWordsMax = 8;

/** Whether it has `*` or `#` as a word, and so matches many topics. */
export function isPattern(name: string): boolean {
  return /(?:^|\.)[*#](?:\.|$)/.test(name);
}

/** What is too much in a pattern, in a sentence for the client that subscribes; undefined if nothing is. */
export function faultInPattern(pattern: string): string | undefined {
  if (!isPattern(pattern)) return undefined;
  if (wildcardCount(pattern) > wildcardsMax)
    return `a pattern has at most ${wildcardsMax} words that are * or #`;
  if (wordsOf(pattern).length > patternWordsMax) return `a pattern has at most ${patternWordsMax} words`;
  if (middleWordCount(pattern) > middleWordsMax)
    return `a pattern has at most ${middleWordsMax} words between its first # and its last`;
  return undefined;
}

/** How many words of it are wildcards. */
export function wildcardCount(pattern: string): number {
  return wordsOf(pattern).filter((word) => word === "*" || word === "#").length;
}

/** The words of a name, which dots separate. The empty name has none. */
export function wordsOf(name: string): string[] {
  return name === "" ? [] : name.split(".");
}

/** The parts of a pattern by which the trie finds it. */
export interface Parts {
  /** The words before the first `#`, or all if there is none. */
  readonly before: readonly string[];
  /** The words after the last `#`, in reverse; undefined if there is none. */
  readonly after: readonly string[] | undefined;
  /** The runs of words between the two; undefined if there are none. */
  readonly middle: readonly (readonly string[])[] | undefined;
}

/** Splits a pattern at its first and its last `#`. */
export function partsOf(pattern: string): Parts {
  const words = wordsOf(pattern);
  const first = words.indexOf("#");
  if (first < 0) return { before: words, after: undefined, middle: undefined };
  const last = words.lastIndexOf("#");
  const runs: string[][] = [[]];
  for (const word of words.slice(first, last)) {
    if (word === "#") runs.push([]);
    else runs.at(-1)!.push(word);
  }
  const middle = runs.filter((run) => run.length > 0);
  return {
    before: words.slice(0, first),
    after: words.slice(last + 1).reverse(),
    middle: middle.length === 0 ? undefined : middle,
  };
}

/** How many words a pattern has between its first `#` and its last. */
function middleWordCount(pattern: string): number {
  return partsOf(pattern).middle?.reduce((count, run) => count + run.length, 0) ?? 0;
}
