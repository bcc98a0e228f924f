import { expect, test } from "bun:test";
import fc from "fast-check";
import { isPattern, wildcardCount } from "../../../src/topics/pattern.ts";
import { TopicTrie } from "../../../src/topics/topic-trie.ts";
import { rounds } from "../doubles/rounds.ts";

const trieOf = (...patterns: string[]) => {
  const trie = new TopicTrie<string>();
  for (const pattern of patterns) trie.add(pattern, pattern);
  return trie;
};

test.each([
  ["", ["", "#"]],
  ["a", ["#", "*", "a", "a.#", "#.a"]],
  ["a.b", ["#", "a.*", "*.b", "a.b", "a.#", "*.#"]],
  ["a.b.c", ["#", "a.#", "a.*.c", "a.#.c"]],
])("%p matches", (name, patterns) => {
  expect(
    trieOf(...patterns)
      .match(name)
      .sort(),
  ).toEqual([...patterns].sort());
});

test.each([
  ["", ["*", "a", "*.#"]],
  ["a", ["*.*", "b", "a.*", ""]],
  ["a.b", ["*", "a", "a.b.*", "b.#"]],
  ["*", ["a"]],
])("%p does not match", (name, patterns) => {
  expect(trieOf(...patterns).match(name)).toEqual([]);
});

test("a topic with * or # as a word is taken as it is", () => {
  expect(trieOf("*", "a.#").match("#")).toEqual(["*"]);
  expect(trieOf("a.*", "a.b").match("a.*")).toEqual(["a.*"]);
});

test("tells patterns from names", () => {
  expect(["a", "a*", "#a.b", ""].map(isPattern)).toEqual([false, false, false, false]);
  expect(["*", "#", "a.*", "#.b", "a.*.b"].map(isPattern)).toEqual([true, true, true, true, true]);
  expect(wildcardCount("#.a.*.b*")).toBe(2);
});

test("a thousand hostile patterns cost a match milliseconds, and not seconds", () => {
  const topic = Array.from({ length: 127 }, () => "a").join(".");
  // Any number of words before and between, and a last one that is not there: each word of the topic may be anywhere.
  const hostile = (index: number) => {
    const words = Array.from({ length: 110 }, (_, place) => ((place * 7 + index) % 9 === 0 ? "#" : "a"));
    return [...words, "a", index % 2 === 0 ? "a" : `z${index}`].join(".");
  };
  const trie = trieOf(`${"#.a.".repeat(16)}b`, ...Array.from({ length: 1000 }, (_, index) => hostile(index)));
  const start = performance.now();
  expect(trie.match(topic).length).toBeGreaterThan(1);
  // To follow all places that words may have led to takes 50 times as long.
  expect(performance.now() - start).toBeLessThan(500);
});

const word = fc.constantFrom("a", "b", "", "*", "#", "__proto__");
const pattern = fc.array(word, { maxLength: 7 }).map((words) => words.join("."));

/** The rules of RabbitMQ's topic exchange by plain recursion. */
function matches(wanted: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = wanted;
  if (first === undefined) return words.length === 0;
  if (first === "#") return matches(rest, words) || (words.length > 0 && matches(wanted, words.slice(1)));
  return words.length > 0 && (first === "*" || first === words[0]) && matches(rest, words.slice(1));
}
const split = (name: string) => (name === "" ? [] : name.split("."));

test("finds what the rules say, whatever was added and removed", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pattern, fc.boolean()), { maxLength: 12 }), pattern, (steps, asked) => {
      const name = asked.replaceAll(/[*#]/g, "c");
      const trie = new TopicTrie<string>();
      const present = new Set<string>();
      for (const [each, isComing] of steps) {
        if (isComing) {
          trie.add(each, each);
          present.add(each);
        } else {
          trie.remove(each, each);
          present.delete(each);
        }
      }
      const expected = [...present].filter((each) => matches(split(each), split(name)));
      expect(trie.match(name).sort()).toEqual(expected.sort());
    }),
    rounds(1000),
  );
});
