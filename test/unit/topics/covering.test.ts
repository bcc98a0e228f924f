import { expect, test } from "bun:test";
import fc from "fast-check";
import { covers, usualBudget } from "../../../src/topics/covering.ts";
import { TopicTrie } from "../../../src/topics/topic-trie.ts";
import { rounds } from "../doubles/rounds.ts";

test.each([
  ["#", ""],
  ["#", "a.*.#"],
  ["", ""],
  ["a", "a"],
  ["a.*", "a.b"],
  ["a.*", "a.*"],
  ["a.#", "a"],
  ["a.#", "a.*"],
  ["a.#", "a.#.b"],
  ["*.#", "#.a"],
  ["*.#", "#.*"],
  ["#.*", "*.#"],
  ["#.#", "#"],
  ["#.b.#", "a.*.b"],
  ["#.a.#", "#.a.#.a.#"],
  ["*.*.#", "#.a.#.b"],
])("%p covers %p", (wide, narrow) => {
  expect(covers(wide, narrow)).toBe(true);
});

test.each([
  ["", "#"],
  ["", "a"],
  ["*", ""],
  ["*", "#"],
  ["a", "*"],
  ["a.*", "a"],
  ["a.*", "a.#"],
  ["a.*", "#"],
  ["a.#", "#.a"],
  ["*.#", "#"],
  ["#.b.#", "a.*.c"],
  ["#.a.*", "#.a.#"],
  ["a.b", "a.b.c"],
  ["#.a.#.a.#", "#.a.#"],
])("%p does not cover %p", (wide, narrow) => {
  expect(covers(wide, narrow)).toBe(false);
});

const word = fc.constantFrom("a", "b", "*", "#", "");
const pattern = fc.array(word, { maxLength: 5 }).map((words) => words.join("."));

/** All topics of so many words, of those that patterns name and one that none does. */
function* topicsUpTo(wordsMax: number): Iterable<string> {
  let topics = [[]] as string[][];
  yield "";
  for (let words = 1; words <= wordsMax; words++) {
    topics = topics.flatMap((topic) => ["a", "b", "c"].map((next) => [...topic, next]));
    for (const topic of topics) yield topic.join(".");
  }
}
const topics = [...topicsUpTo(7)];

test("one pattern covers another exactly where it matches every topic that the other matches", () => {
  fc.assert(
    fc.property(pattern, pattern, (wide, narrow) => {
      // An empty word is one that the topics here do not have.
      fc.pre(![wide, narrow].some((each) => each !== "" && each.split(".").includes("")));
      const trie = new TopicTrie<string>();
      trie.add(wide, "wide");
      trie.add(narrow, "narrow");
      const stray = topics.find((topic) => {
        const matches = trie.match(topic);
        return matches.includes("narrow") && !matches.includes("wide");
      });
      expect({ wide, narrow, covers: covers(wide, narrow) }).toEqual({
        wide,
        narrow,
        covers: stray === undefined || wide === narrow,
      });
    }),
    rounds(400),
  );
});

test("what a covered pattern matches, the wide one matches too, whatever the topic", () => {
  fc.assert(
    fc.property(
      pattern,
      pattern,
      fc.array(fc.constantFrom("a", "b", "c", ""), { maxLength: 8 }),
      (wide, narrow, words) => {
        const trie = new TopicTrie<string>();
        trie.add(wide, "wide");
        trie.add(narrow, "narrow");
        const matches = trie.match(words.join("."));
        if (covers(wide, narrow) && matches.includes("narrow"))
          expect(matches).toContain(wide === narrow ? "narrow" : "wide");
      },
    ),
    rounds(1500),
  );
});

test("a pattern covers itself, and what covers a coverer covers too", () => {
  fc.assert(
    fc.property(pattern, pattern, pattern, (a, b, c) => {
      expect(covers(a, a)).toBe(true);
      if (covers(a, b) && covers(b, c)) expect(covers(a, c)).toBe(true);
    }),
    rounds(1500),
  );
});

test("patterns made to be costly are answered in bounded time, and with no in doubt", () => {
  const wide = `${"#.a.*.".repeat(8)}b`;
  const narrow = `${"#.a.".repeat(16)}c`;
  const start = performance.now();
  expect(covers(wide, narrow)).toBe(false);
  expect(covers(narrow, narrow)).toBe(true);
  expect(performance.now() - start).toBeLessThan(1000);
});

test("questions that belong together cost no more than their budget, however many they are, and ordinary ones a few dozen steps", () => {
  const ordinary = { steps: 100 };
  expect(covers("news.*.#", "news.today.*.late", ordinary)).toBe(true);
  expect(ordinary.steps).toBeGreaterThan(50);
  const narrow = `${"#.a.".repeat(8)}#.b${".*".repeat(6)}.b`;
  const wides = Array.from({ length: 100 }, (_, index) => `#.a${".*".repeat(10)}.${index}`);
  const budget = usualBudget();
  const { steps } = budget;
  expect(wides.some((wide) => covers(wide, narrow, budget))).toBe(false);
  expect(covers(wides[0]!, narrow, { steps })).toBe(false);
  expect(budget.steps).toBeGreaterThanOrEqual(-wides.length);
});
