import type { Middles } from "./middles.ts";

/** A node in a tree of words. Most nodes have one child, for which no map is needed. */
export interface Node<T> {
  /** The values that end here. */
  values: Set<T> | undefined;
  /** The word of its only child; undefined if there is none, or if there are several. */
  word: string | undefined;
  /** Its only child. */
  next: Node<T> | undefined;
  /** Its children by word, if there are several. */
  words: Map<string, Node<T>> | undefined;
  /** The child for `*`. */
  one: Node<T> | undefined;
  /** Patterns with their first `#` here: a tree of the words after their last `#`, from the end. */
  ends: Node<T> | undefined;
  /** Patterns with their first `#` here, and more between that and their last one. */
  middles: Middles<T> | undefined;
}

/** An empty node. */
export function nodeOf<T>(): Node<T> {
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

/** The child for a word; undefined if there is none. */
export function child<T>(node: Node<T>, word: string): Node<T> | undefined {
  if (word === "*") return node.one;
  return node.word === word ? node.next : node.words?.get(word);
}

/** Adds a child for a new word, and returns it. */
export function grow<T>(node: Node<T>, word: string): Node<T> {
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

/** The nodes along these words, beginning with the root; undefined if there is no such path. */
export function pathOf<T>(root: Node<T>, words: readonly string[]): Node<T>[] | undefined {
  const path = [root];
  for (const word of words) {
    const next = child(path.at(-1)!, word);
    if (next === undefined) return undefined;
    path.push(next);
  }
  return path;
}

/** Removes empty nodes, from the path's end. */
export function prune<T>(path: readonly Node<T>[], words: readonly string[]): void {
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

/** Whether the node is empty. */
export function isBare<T>({ values, next, words, one, ends, middles }: Node<T>): boolean {
  return (values ?? next ?? words ?? one ?? ends ?? middles) === undefined;
}

/** The children for a word of all these nodes. */
export function placesAfter<T>(places: readonly Node<T>[], word: string): Node<T>[] {
  const next: Node<T>[] = [];
  for (const place of places) {
    const named = place.word === word ? place.next : place.words?.get(word);
    if (named !== undefined) next.push(named);
    if (place.one !== undefined) next.push(place.one);
  }
  return next;
}
