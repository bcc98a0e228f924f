/** The most `*` and `#` that a pattern may have. */
export const wildcardsMax = 16;

/** Whether it has `*` or `#` as a word, and so stands for many topics. */
export function isPattern(name: string): boolean {
  return /(?:^|\.)[*#](?:\.|$)/.test(name);
}

/** How many words of it are wildcards. */
export function wildcardCount(pattern: string): number {
  return wordsOf(pattern).filter((word) => word === "*" || word === "#").length;
}

interface Node<T> {
  readonly values: Set<T>;
  readonly words: Map<string, Node<T>>;
  /** Behind `*`. */
  one: Node<T> | undefined;
  /** What is behind the first `#` of those patterns that have it here, by pattern. */
  readonly rests: Map<string, Rest<T>>;
}

/**
 * What a pattern has behind its first `#`: runs of words, each as long as it is, with any number of words before each. The last
 * one ends where the topic ends; it is empty if the pattern ends with `#`.
 */
interface Rest<T> {
  readonly runs: readonly (readonly string[])[];
  readonly values: Set<T>;
}

/**
 * Topic names and patterns with what belongs to them. The rules are those of RabbitMQ's topic exchange: `*` is one word, `#`
 * any number of words, none among them. The empty name has no words.
 *
 * Up to their first `#` patterns share the nodes of a tree, and what is behind it is tried for each that a topic gets to. A run
 * of words is taken where it is found first, which is as good as anywhere further on, so that nothing is tried twice. To follow all
 * places at once that a `#` may lead to was tried: a thousand hostile patterns, as ten clients may have,
 * made a match take five seconds; `bun test/bench/patterns.ts` shows what it takes now.
 */
export class TopicTrie<T> {
  readonly #root: Node<T> = nodeOf();

  add(pattern: string, value: T): void {
    const { before, behind } = partsOf(pattern);
    let node = this.#root;
    for (const word of before) node = child(node, word) ?? grow(node, word);
    if (behind === undefined) {
      node.values.add(value);
      return;
    }
    const rest = node.rests.get(pattern) ?? { runs: runsOf(behind), values: new Set() };
    node.rests.set(pattern, rest);
    rest.values.add(value);
  }

  remove(pattern: string, value: T): void {
    const { before, behind } = partsOf(pattern);
    const path = [this.#root];
    for (const word of before) {
      const next = child(path.at(-1)!, word);
      if (next === undefined) return;
      path.push(next);
    }
    const { values, rests } = path.at(-1)!;
    if (behind === undefined) values.delete(value);
    else {
      const rest = rests.get(pattern);
      rest?.values.delete(value);
      if (rest?.values.size === 0) rests.delete(pattern);
    }
    for (let depth = before.length; depth > 0 && isBare(path[depth]!); depth--) {
      prune(path[depth - 1]!, before[depth - 1]!);
    }
  }

  /** What belongs to the name itself and to every pattern that matches it. */
  match(name: string): T[] {
    const words = wordsOf(name);
    const values: T[] = [];
    let places = [this.#root];
    for (let at = 0; places.length > 0; at++) {
      for (const { rests } of places) {
        for (const { runs, values: found } of rests.values()) {
          if (isFollowedBy(words, at, runs)) values.push(...found);
        }
      }
      if (at === words.length) break;
      places = placesBehind(places, words[at]!);
    }
    for (const place of places) values.push(...place.values);
    return values;
  }
}

function placesBehind<T>(places: readonly Node<T>[], word: string): Node<T>[] {
  const next: Node<T>[] = [];
  for (const place of places) {
    const named = place.words.get(word);
    if (named !== undefined) next.push(named);
    if (place.one !== undefined) next.push(place.one);
  }
  return next;
}

/** Whether the runs are there, one behind the other from this word on, the last one at the end. */
function isFollowedBy(words: readonly string[], from: number, runs: Rest<unknown>["runs"]): boolean {
  const last = runs.length - 1;
  const end = words.length - runs[last]!.length;
  if (end < from || !isRunAt(words, end, runs[last]!)) return false;
  let at = from;
  for (let index = 0; index < last; index++) {
    const run = runs[index]!;
    while (at + run.length <= end && !isRunAt(words, at, run)) at++;
    at += run.length;
    if (at > end) return false;
  }
  return true;
}

function isRunAt(words: readonly string[], at: number, run: readonly string[]): boolean {
  for (let index = 0; index < run.length; index++) {
    const wanted = run[index]!;
    if (wanted !== "*" && wanted !== words[at + index]) return false;
  }
  return true;
}

export function wordsOf(name: string): string[] {
  return name === "" ? [] : name.split(".");
}

/** The words before a pattern's first `#`, and those behind it; undefined if it has none. */
function partsOf(pattern: string): { readonly before: string[]; readonly behind: string[] | undefined } {
  const words = wordsOf(pattern);
  const first = words.indexOf("#");
  return first < 0
    ? { before: words, behind: undefined }
    : { before: words.slice(0, first), behind: words.slice(first + 1) };
}

function runsOf(behind: readonly string[]): string[][] {
  const runs: string[][] = [[]];
  for (const word of behind) {
    if (word === "#") runs.push([]);
    else runs.at(-1)!.push(word);
  }
  // Of several # in a row one is enough.
  return runs.filter((run, index) => run.length > 0 || index === runs.length - 1);
}

function nodeOf<T>(): Node<T> {
  return { values: new Set(), words: new Map(), one: undefined, rests: new Map() };
}

function child<T>(node: Node<T>, word: string): Node<T> | undefined {
  return word === "*" ? node.one : node.words.get(word);
}

function grow<T>(node: Node<T>, word: string): Node<T> {
  const grown = nodeOf<T>();
  if (word === "*") node.one = grown;
  else node.words.set(word, grown);
  return grown;
}

function prune<T>(node: Node<T>, word: string): void {
  if (word === "*") node.one = undefined;
  else node.words.delete(word);
}

function isBare<T>({ values, words, one, rests }: Node<T>): boolean {
  return values.size === 0 && words.size === 0 && one === undefined && rests.size === 0;
}
