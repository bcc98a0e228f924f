import { wordsOf } from "./pattern.ts";

/** How much related questions may cost, in steps of one to two microseconds. */
export interface Budget {
  /** How many steps are left. */
  steps: number;
}

/**
 * The usual budget. Real patterns take a few dozen steps. Patterns that take more were made to, and the answer for them is no, which is
 * always safe.
 */
export function usualBudget(): Budget {
  return { steps: 4000 };
}

/** What it may cost to ask the same of all that a client subscribes to. */
export function budgetForAll(): Budget {
  return { steps: 16_000 };
}

/** A word that no pattern contains: a pattern that matches it matches every word. */
const anyWord = "*";

/**
 * Whether every topic that matches `narrow` matches `wide` too. The rules are those of `TopicTrie`.
 *
 * This is inclusion of regular languages, which is easy here because there is no end of words: where `narrow` leaves a word open, `wide`
 * must match a word that it does not contain. So `narrow` is followed with such a word for each `*`, and any number of them for each `#`,
 * together with the set of all places in `wide` that may have been reached. Comparing word by word would not do: `*.#` covers `#.a`.
 *
 * @param budget is reduced by the cost; the result is false if it is not enough
 */
export function covers(wide: string, narrow: string, budget = usualBudget()): boolean {
  if (wide === "#" || wide === narrow) return true;
  if (areApart(wide, narrow)) return false;
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

/** How much of the narrow pattern is done, and the places that may have been reached in the wide one, in rising order. */
interface Situation {
  readonly at: number;
  readonly places: readonly number[];
}

const dot = 46;
const isWildcard = (code: number) => code === 42 || code === 35;

/** Whether a word tells them apart that both name before any `*` or `#`. Most patterns of a token are told from a subscription so, at once. */
function areApart(wide: string, narrow: string): boolean {
  let wordStart = 0;
  for (let at = 0; at < wide.length && at < narrow.length; at++) {
    const code = wide.charCodeAt(at);
    const other = narrow.charCodeAt(at);
    // It may begin with one that is no word of its own: then they are compared as all others are.
    if (at === wordStart && (isWildcard(code) || isWildcard(other))) return false;
    if (code !== other) return true;
    if (code === dot) wordStart = at + 1;
  }
  return false;
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

/** `#` may also match no word, so a place before a `#` is also a place after it. */
function closure(pattern: readonly string[], places: Iterable<number>): readonly number[] {
  const all = new Set<number>();
  for (let place of places) {
    all.add(place);
    while (pattern[place] === "#") all.add(++place);
  }
  return [...all].sort((a, b) => a - b);
}
