import type { Middles } from "./middles.ts";

/** A place in a tree of words. Most have one way on, which needs no map. */
export interface Node<T> {
  /** What ends here. */
  values: Set<T> | undefined;
  /** The only word that leads on, and where to; undefined if there is none, or more. */
  word: string | undefined;
  /** Where its one word leads to. */
  next: Node<T> | undefined;
  /** Where each word leads to, if there are several. */
  words: Map<string, Node<T>> | undefined;
  /** Where `*` leads to. */
  one: Node<T> | undefined;
  /** Patterns that have their first `#` here: a tree of what they have after their last one, read from the end. */
  ends: Node<T> | undefined;
  /** Patterns that have their first `#` here, and more between it and their last one. */
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

/** The node of a word under this one; undefined if there is none. */
export function child<T>(node: Node<T>, word: string): Node<T> | undefined {
  if (word === "*") return node.one;
  return node.word === word ? node.next : node.words?.get(word);
}

/** Adds a node for a word that has none under this one, and returns it. */
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

/** The nodes to where the words lead, the first among them; undefined if they lead nowhere. */
export function pathOf<T>(root: Node<T>, words: readonly string[]): Node<T>[] | undefined {
  const path = [root];
  for (const word of words) {
    const next = child(path.at(-1)!, word);
    if (next === undefined) return undefined;
    path.push(next);
  }
  return path;
}

/** Removes what holds nothing any more, from the path's end. */
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

/** Whether nothing hangs on the node any more. */
export function isBare<T>({ values, next, words, one, ends, middles }: Node<T>): boolean {
  return (values ?? next ?? words ?? one ?? ends ?? middles) === undefined;
}

/** Where a word leads to from any of these places. */
export function placesAfter<T>(places: readonly Node<T>[], word: string): Node<T>[] {
  const next: Node<T>[] = [];
  for (const place of places) {
    const named = place.word === word ? place.next : place.words?.get(word);
    if (named !== undefined) next.push(named);
    if (place.one !== undefined) next.push(place.one);
  }
  return next;
}
