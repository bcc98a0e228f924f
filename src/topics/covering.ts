import { wordsOf } from "./pattern.ts";

/** What questions that belong together may cost, in steps of one to two microseconds. */
export interface Budget {
  /** What is left. */
  steps: number;
}

/**
 * What questions that belong together may cost unless somebody says otherwise. Real patterns take a few dozen steps. Those that take
 * more were made to, and are answered with no, which is always safe.
 */
export function usualBudget(): Budget {
  return { steps: 4000 };
}

/** A word that no pattern names: whatever matches it matches every word. */
const anyWord = "*";

/**
 * Whether every topic that matches `narrow` matches `wide` too. The rules are those of `TopicTrie`.
 *
 * It is inclusion of regular languages, made easy by there being no end of words: wherever `narrow` leaves a word open, `wide`
 * must match one that it does not name. So `narrow` is walked with such a word for each `*`, and any number of them for each
 * `#`, and beside it the set of all places in `wide` where that may have led. Comparing word by word would not do: `*.#` covers
 * `#.a`.
 *
 * @param budget what it costs is taken from it; false if that is not enough
 */
export function covers(wide: string, narrow: string, budget = usualBudget()): boolean {
  if (wide === "#" || wide === narrow) return true;
  const wideWords = wordsOf(wide);
  const words = wordsOf(narrow);
  const seen = new Set<string>();
  const open: Situation[] = [];
  const visit = (at: number, places: readonly number[]) => {
    const key = `${at}:${places.join()}`;
    if (seen.has(key)) return;
    seen.add(key);
    open.push({ at, places });
  };
  visit(0, closure(wideWords, [0]));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { at, places } = next;
    if (--budget.steps < 0) return false;
    const word = words[at];
    if (word === undefined) {
      if (!places.includes(wideWords.length)) return false;
    } else if (word === "#") {
      visit(at + 1, places);
      visit(at, step(wideWords, places, anyWord));
    } else {
      visit(at + 1, step(wideWords, places, word));
    }
    if (places.length === 0) return false;
  }
  return true;
}

/** How much of the narrow pattern is done, and the places of the wide one to which that may have led, in rising order. */
interface Situation {
  readonly at: number;
  readonly places: readonly number[];
}

/** The places after one more word. */
function step(pattern: readonly string[], places: readonly number[], word: string): readonly number[] {
  const next = new Set<number>();
  for (const place of places) {
    if (pattern[place] === "#") next.add(place);
    else if (pattern[place] === "*" || pattern[place] === word) next.add(place + 1);
  }
  return closure(pattern, next);
}

/** `#` stands for no word, too: a place before one is also after it. */
function closure(pattern: readonly string[], places: Iterable<number>): readonly number[] {
  const all = new Set<number>();
  for (let place of places) {
    all.add(place);
    while (pattern[place] === "#") all.add(++place);
  }
  return [...all].sort((a, b) => a - b);
}
