import { addMiddle, matchMiddles, removeMiddle } from "./middles.ts";
import { child, grow, isBare, type Node, nodeOf, pathOf, placesAfter, prune } from "./node.ts";
import { isPattern, type Parts, partsOf } from "./pattern.ts";
import { Topic } from "./topic.ts";

/**
 * Topic names and patterns with their values. The rules are those of RabbitMQ's topic exchange: `*` matches one word, `#` any number of
 * words, or none. The empty name has no words.
 *
 * Names are looked up directly. Patterns are found by the words before their first `#`, and then by those after their last. Only if a
 * pattern has words between the two are these searched, each run at its earliest position. The earliest is always right, so there is no
 * backtracking. Hashes are compared before words. So a pattern costs a match next to nothing unless it fits at both ends; `bun
 * test/bench/patterns.ts` shows what it costs otherwise.
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
      return;
    }
    node.middles ??= new Map();
    addMiddle(node.middles, middle, value);
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

  /** The values of the name itself and of every pattern that matches it. */
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

/** @param from the position at which the `#` begins that precedes all of these */
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

function addAll<T>(found: T[], values: Iterable<T> | undefined): void {
  if (values === undefined) return;
  for (const value of values) found.push(value);
}

function removeFrom<T>(node: Node<T>, runs: Parts["middle"], value: T): void {
  if (runs === undefined) {
    node.values?.delete(value);
    if (node.values?.size === 0) node.values = undefined;
    return;
  }
  if (node.middles === undefined) return;
  removeMiddle(node.middles, runs, value);
  if (node.middles.size === 0) node.middles = undefined;
}
