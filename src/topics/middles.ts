import type { Parts } from "./pattern.ts";
import { hashOf, type Topic } from "./topic.ts";

type Runs = NonNullable<Parts["middle"]>;

/** The part of a pattern between its first and its last `#`: runs of words, with any number of words before and after each. */
export interface Middle<T> {
  /** The runs of words between wildcards, in order. */
  readonly runs: readonly (readonly string[])[];
  /** The runs as hashes; 0 for `*`. */
  readonly hashes: readonly Int32Array[];
  /** The hashes of all words that must occur. */
  readonly needs: readonly number[];
  /** The values of patterns with these runs. */
  readonly values: Set<T>;
}

/** Middles of patterns with the same other words, by the hash of a word that must occur; 0 if any word will do. */
export type Middles<T> = Map<number, Map<string, Middle<T>>>;

/** Adds the value of a pattern, by its middle. */
export function addMiddle<T>(middles: Middles<T>, runs: Runs, value: T): void {
  const hashes = runs.map((run) => Int32Array.from(run, (word) => (word === "*" ? 0 : hashOf(word))));
  const needs = [...new Set(runs.flat())].filter((word) => word !== "*").map(hashOf);
  const [key, name] = keysOf(runs);
  const alike = middles.get(key) ?? new Map<string, Middle<T>>();
  middles.set(key, alike);
  const middle = alike.get(name) ?? { runs, hashes, needs, values: new Set<T>() };
  alike.set(name, middle);
  middle.values.add(value);
}

/** Removes a value from the pattern with these runs, and that from the others if it has none left. */
export function removeMiddle<T>(middles: Middles<T>, runs: Runs, value: T): void {
  const [key, name] = keysOf(runs);
  const alike = middles.get(key);
  const middle = alike?.get(name);
  if (alike === undefined || middle === undefined) return;
  middle.values.delete(value);
  if (middle.values.size === 0) alike.delete(name);
  if (alike.size === 0) middles.delete(key);
}

/** Adds the values of patterns whose runs occur between two positions of the topic. */
export function matchMiddles<T>(
  middles: Middles<T>,
  topic: Topic,
  from: number,
  to: number,
  found: T[],
): void {
  const tryAll = (candidates: Map<string, Middle<T>> | undefined) => {
    for (const middle of candidates?.values() ?? []) {
      if (middle.needs.every((need) => topic.distinct.has(need)) && isBetween(middle, topic, from, to))
        for (const value of middle.values) found.push(value);
    }
  };
  tryAll(middles.get(0));
  for (const hash of topic.distinct) tryAll(middles.get(hash));
}

/** Whether the runs occur one after another, between these two positions. */
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

/** The first position at which a run may be according to its hashes, between these two; -1 if there is none. */
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

/** The word by whose hash these runs are found, and their name there. */
function keysOf(runs: Runs): readonly [hash: number, name: string] {
  const name = runs.map((run) => run.join(".")).join(".#.");
  for (const run of runs) for (const word of run) if (word !== "*") return [hashOf(word), name];
  return [0, name];
}
