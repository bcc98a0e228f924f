/**
 * The most `*` and `#` that a pattern may have. A match keeps up to so many places of each pattern in view, so this
 * bounds what a hostile one costs.
 */
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
  /** Behind `#`: a node that every further word leads back to. */
  many: Node<T> | undefined;
  readonly isMany: boolean;
}

/**
 * Topic names and patterns with what belongs to them. The rules are those of RabbitMQ's topic exchange: `*` is one word, `#`
 * any number of words, none among them. The empty name has no words.
 *
 * A match walks all places that the words so far may have led to, word by word, so that its cost is bounded by words times
 * places, whatever the patterns are; backtracking would take exponential time over `#.a.#.a.#…`.
 */
export class TopicTrie<T> {
  readonly #root: Node<T> = nodeOf(false);

  add(pattern: string, value: T): void {
    let node = this.#root;
    for (const word of wordsOf(pattern)) node = child(node, word) ?? grow(node, word);
    node.values.add(value);
  }

  remove(pattern: string, value: T): void {
    const words = wordsOf(pattern);
    const path = [this.#root];
    for (const word of words) {
      const next = child(path.at(-1)!, word);
      if (next === undefined) return;
      path.push(next);
    }
    path.at(-1)!.values.delete(value);
    for (let depth = words.length; depth > 0 && isBare(path[depth]!); depth--) {
      prune(path[depth - 1]!, words[depth - 1]!);
    }
  }

  /** What belongs to the name itself and to every pattern that matches it. */
  match(name: string): T[] {
    let places = new Set<Node<T>>();
    enter(this.#root, places);
    for (const word of wordsOf(name)) {
      const next = new Set<Node<T>>();
      for (const place of places) {
        if (place.isMany) next.add(place);
        enter(place.words.get(word), next);
        enter(place.one, next);
      }
      if (next.size === 0) return [];
      places = next;
    }
    const values: T[] = [];
    for (const place of places) values.push(...place.values);
    return values;
  }
}

export function wordsOf(name: string): string[] {
  return name === "" ? [] : name.split(".");
}

function nodeOf<T>(isMany: boolean): Node<T> {
  return { values: new Set(), words: new Map(), one: undefined, many: undefined, isMany };
}

/** `#` is no word too: who comes to a place has come behind the `#` that follows it. */
function enter<T>(node: Node<T> | undefined, places: Set<Node<T>>): void {
  for (let place = node; place !== undefined; place = place.many) places.add(place);
}

function child<T>(node: Node<T>, word: string): Node<T> | undefined {
  if (word === "*") return node.one;
  if (word === "#") return node.many;
  return node.words.get(word);
}

function grow<T>(node: Node<T>, word: string): Node<T> {
  const grown = nodeOf<T>(word === "#");
  if (word === "*") node.one = grown;
  else if (word === "#") node.many = grown;
  else node.words.set(word, grown);
  return grown;
}

function prune<T>(node: Node<T>, word: string): void {
  if (word === "*") node.one = undefined;
  else if (word === "#") node.many = undefined;
  else node.words.delete(word);
}

function isBare<T>({ values, words, one, many }: Node<T>): boolean {
  return values.size === 0 && words.size === 0 && one === undefined && many === undefined;
}
