/** The most `*` and `#` that a pattern may have. */
export const wildcardsMax = 16;
/** The most words that a pattern may have, wildcards among them. */
export const patternWordsMax = 32;
/** The most words that a pattern may have between its first `#` and its last. */
export const middleWordsMax = 8;

/** Whether it has `*` or `#` as a word, and so stands for many topics. */
export function isPattern(name: string): boolean {
  return /(?:^|\.)[*#](?:\.|$)/.test(name);
}

/** How many words of it are wildcards. */
export function wildcardCount(pattern: string): number {
  return wordsOf(pattern).filter((word) => word === "*" || word === "#").length;
}

/** A place in a tree of words. Most have one way on, which needs no map. */
interface Node<T> {
  values: Set<T> | undefined;
  /** The only word that leads on, and where to; undefined if there is none, or more. */
  word: string | undefined;
  next: Node<T> | undefined;
  words: Map<string, Node<T>> | undefined;
  /** After `*`. */
  one: Node<T> | undefined;
  /** Of those patterns that have their first `#` here: a tree of what they have after their last one, read from the end. */
  ends: Node<T> | undefined;
  /** Of those that have more between the two, by the hash of a word that has to be there: 0 if any word will do. */
  middles: Map<number, Map<string, Middle<T>>> | undefined;
}

/** What a pattern has between its first `#` and its last: runs of words, with any number of words before and after each. */
interface Middle<T> {
  readonly runs: readonly (readonly string[])[];
  /** The same as hashes; 0 for `*`. */
  readonly hashes: readonly Int32Array[];
  /** The hashes of all words that have to be there. */
  readonly needs: readonly number[];
  readonly values: Set<T>;
}

/**
 * Topic names and patterns with what belongs to them. The rules are those of RabbitMQ's topic exchange: `*` is one word, `#`
 * any number of words, none among them. The empty name has no words.
 *
 * Names are looked up as they are. Patterns are found by the words before their first `#`, then by those after their last, and only
 * where a pattern has words between the two are these searched for, each run at its earliest position: the earliest is
 * always right, so nothing is tried twice. Before words are compared their hashes are. So a pattern costs a match next to
 * nothing unless it fits at both ends; `bun test/bench/patterns.ts` shows what it costs otherwise.
 */
export class TopicTrie<T> {
  readonly #names = new Map<string, Set<T>>();
  readonly #root: Node<T> = nodeOf();

  add(pattern: string, value: T): void {
    if (!isPattern(pattern)) {
      const values = this.#names.get(pattern);
      if (values === undefined) this.#names.set(pattern, new Set([value]));
      else values.add(value);
      return;
    }
    const { before, after, middle } = partsOf(pattern);
    let node = this.#root;
    for (const word of before) node = child(node, word) ?? grow(node, word);
    if (after !== undefined) {
      node.ends ??= nodeOf();
      node = node.ends;
      for (const word of after) node = child(node, word) ?? grow(node, word);
    }
    if (middle === undefined) {
      node.values ??= new Set();
      node.values.add(value);
    } else addMiddle(node, middle, value);
  }

  remove(pattern: string, value: T): void {
    if (!isPattern(pattern)) {
      const values = this.#names.get(pattern);
      values?.delete(value);
      if (values?.size === 0) this.#names.delete(pattern);
      return;
    }
    const { before, after, middle } = partsOf(pattern);
    const path = pathOf(this.#root, before);
    const place = path?.at(-1);
    if (path === undefined || place === undefined) return;
    if (after !== undefined && place.ends !== undefined) {
      const back = pathOf(place.ends, after);
      if (back === undefined) return;
      removeFrom(back.at(-1)!, middle, value);
      prune(back, after);
      if (isBare(place.ends)) place.ends = undefined;
    } else if (after === undefined) removeFrom(place, undefined, value);
    prune(path, before);
  }

  /** What belongs to the name itself and to every pattern that matches it. */
  match(name: string): T[] {
    const found: T[] = [];
    addAll(found, this.#names.get(name));
    if (isBare(this.#root)) return found;
    const topic = new Topic(name);
    const { words } = topic;
    let places = [this.#root];
    for (let at = 0; ; at++) {
      for (const { ends } of places) if (ends !== undefined) matchEnds(ends, topic, at, found);
      if (at === words.length) break;
      places = placesAfter(places, words[at]!);
      if (places.length === 0) return found;
    }
    for (const { values } of places) addAll(found, values);
    return found;
  }
}

/** A topic's words, and their hashes once they are asked for. */
class Topic {
  readonly words: readonly string[];
  #hashes: Int32Array | undefined;
  #distinct: ReadonlySet<number> | undefined;

  constructor(name: string) {
    this.words = wordsOf(name);
  }

  get hashes(): Int32Array {
    this.#hashes ??= Int32Array.from(this.words, hashOf);
    return this.#hashes;
  }

  get distinct(): ReadonlySet<number> {
    this.#distinct ??= new Set(this.hashes);
    return this.#distinct;
  }
}

/** @param from where the `#` begins that all of these have before them */
function matchEnds<T>(ends: Node<T>, topic: Topic, from: number, found: T[]): void {
  const { words } = topic;
  let places = [ends];
  for (let to = words.length; places.length > 0; to--) {
    for (const { values, middles } of places) {
      addAll(found, values);
      if (middles !== undefined) matchMiddles(middles, topic, from, to, found);
    }
    if (to === from) return;
    places = placesAfter(places, words[to - 1]!);
  }
}

function matchMiddles<T>(
  middles: NonNullable<Node<T>["middles"]>,
  topic: Topic,
  from: number,
  to: number,
  found: T[],
): void {
  const tryAll = (candidates: Map<string, Middle<T>> | undefined) => {
    for (const middle of candidates?.values() ?? []) {
      if (middle.needs.every((need) => topic.distinct.has(need)) && isBetween(middle, topic, from, to))
        addAll(found, middle.values);
    }
  };
  tryAll(middles.get(0));
  for (const hash of topic.distinct) tryAll(middles.get(hash));
}

/** Whether the runs are there, one after the other, from one word on and before another. */
function isBetween<T>({ runs, hashes }: Middle<T>, topic: Topic, from: number, to: number): boolean {
  let at = from;
  for (const [index, run] of runs.entries()) {
    at = placeOf(hashes[index]!, topic.hashes, at, to);
    // Two words may have the same hash.
    while (at >= 0 && !isRunAt(topic.words, at, run)) at = placeOf(hashes[index]!, topic.hashes, at + 1, to);
    if (at < 0) return false;
    at += run.length;
  }
  return true;
}

/** The first place where a run may be by its hashes, from one word on and before another; -1 if there is none. */
function placeOf(run: Int32Array, words: Int32Array, from: number, to: number): number {
  const { length } = run;
  let at = from;
  for (let index = 0; index < length; ) {
    if (at + length > to) return -1;
    const wanted = run[index]!;
    if (wanted === 0 || wanted === words[at + index]) index++;
    else {
      at++;
      index = 0;
    }
  }
  return at;
}

function isRunAt(words: readonly string[], at: number, run: readonly string[]): boolean {
  for (let index = 0; index < run.length; index++) {
    const wanted = run[index]!;
    if (wanted !== "*" && wanted !== words[at + index]) return false;
  }
  return true;
}

function placesAfter<T>(places: readonly Node<T>[], word: string): Node<T>[] {
  const next: Node<T>[] = [];
  for (const place of places) {
    const named = place.word === word ? place.next : place.words?.get(word);
    if (named !== undefined) next.push(named);
    if (place.one !== undefined) next.push(place.one);
  }
  return next;
}

function addAll<T>(found: T[], values: Iterable<T> | undefined): void {
  if (values === undefined) return;
  for (const value of values) found.push(value);
}

export function wordsOf(name: string): string[] {
  return name === "" ? [] : name.split(".");
}

interface Parts {
  /** The words before the first `#`, or all if there is none. */
  readonly before: readonly string[];
  /** The words after the last `#`, from the end; undefined if there is none. */
  readonly after: readonly string[] | undefined;
  /** The runs of words between the two; undefined if there are none. */
  readonly middle: readonly (readonly string[])[] | undefined;
}

function partsOf(pattern: string): Parts {
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
export function middleWordCount(pattern: string): number {
  return partsOf(pattern).middle?.reduce((count, run) => count + run.length, 0) ?? 0;
}

function addMiddle<T>(node: Node<T>, runs: NonNullable<Parts["middle"]>, value: T): void {
  node.middles ??= new Map();
  const hashes = runs.map((run) => Int32Array.from(run, (word) => (word === "*" ? 0 : hashOf(word))));
  const needs = [...new Set(runs.flat())].filter((word) => word !== "*").map(hashOf);
  const [key, name] = keysOf(runs);
  const alike = node.middles.get(key) ?? new Map<string, Middle<T>>();
  node.middles.set(key, alike);
  const middle = alike.get(name) ?? { runs, hashes, needs, values: new Set<T>() };
  alike.set(name, middle);
  middle.values.add(value);
}

function removeFrom<T>(node: Node<T>, runs: Parts["middle"], value: T): void {
  if (runs === undefined) {
    node.values?.delete(value);
    if (node.values?.size === 0) node.values = undefined;
    return;
  }
  const [key, name] = keysOf(runs);
  const alike = node.middles?.get(key);
  const middle = alike?.get(name);
  if (node.middles === undefined || alike === undefined || middle === undefined) return;
  middle.values.delete(value);
  if (middle.values.size === 0) alike.delete(name);
  if (alike.size === 0) node.middles.delete(key);
  if (node.middles.size === 0) node.middles = undefined;
}

/** By which word's hash runs are found, and the name that they have there. */
function keysOf(runs: NonNullable<Parts["middle"]>): readonly [hash: number, name: string] {
  const name = runs.map((run) => run.join(".")).join(".#.");
  for (const run of runs) for (const word of run) if (word !== "*") return [hashOf(word), name];
  return [0, name];
}

/** FNV-1a, 32 bits. Never 0. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  return hash === 0 ? 1 : hash | 0;
}

function nodeOf<T>(): Node<T> {
  return {
    values: undefined,
    word: undefined,
    next: undefined,
    words: undefined,
    one: undefined,
    ends: undefined,
    middles: undefined,
  };
}

function child<T>(node: Node<T>, word: string): Node<T> | undefined {
  if (word === "*") return node.one;
  return node.word === word ? node.next : node.words?.get(word);
}

function grow<T>(node: Node<T>, word: string): Node<T> {
  const grown = nodeOf<T>();
  if (word === "*") node.one = grown;
  else if (node.words !== undefined) node.words.set(word, grown);
  else if (node.word === undefined) {
    node.word = word;
    node.next = grown;
  } else {
    node.words = new Map([
      [node.word, node.next!],
      [word, grown],
    ]);
    node.word = node.next = undefined;
  }
  return grown;
}

/** The nodes to where the words lead, the first among them; undefined if they lead nowhere. */
function pathOf<T>(root: Node<T>, words: readonly string[]): Node<T>[] | undefined {
  const path = [root];
  for (const word of words) {
    const next = child(path.at(-1)!, word);
    if (next === undefined) return undefined;
    path.push(next);
  }
  return path;
}

/** Removes what holds nothing any more, from the path's end. */
function prune<T>(path: readonly Node<T>[], words: readonly string[]): void {
  for (let depth = words.length; depth > 0 && isBare(path[depth]!); depth--) {
    const node = path[depth - 1]!;
    const word = words[depth - 1]!;
    if (word === "*") node.one = undefined;
    else if (node.words === undefined) node.word = node.next = undefined;
    else {
      node.words.delete(word);
      if (node.words.size === 0) node.words = undefined;
    }
  }
}

function isBare<T>({ values, next, words, one, ends, middles }: Node<T>): boolean {
  return (values ?? next ?? words ?? one ?? ends ?? middles) === undefined;
}
