import { expect, test } from "bun:test";
import fc from "fast-check";
import { mayOverlap, overlapsMax, overlapWith } from "../../../../src/gateway/stomp/overlaps.ts";
import { TopicTrie } from "../../../../src/topics/topic-trie.ts";
import { rounds } from "../../doubles/rounds.ts";

test.each([
  ["a", "b"],
  ["a", "a.b"],
  ["a.*", "b.*"],
  ["a.*", "*.b.c"],
  ["user.1.#", "user.2.#"],
  ["#.red", "#.blue"],
  ["a.#.x", "*.#.y"],
])("%p and %p share no topic", (one, other) => {
  expect(mayOverlap(one, other)).toBe(false);
});

test("patterns that share a topic overlap", () => {
  const word = fc.constantFrom("a", "b", "*", "#");
  const pattern = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join("."));
  const topic = fc.array(fc.constantFrom("a", "b"), { maxLength: 6 }).map((words) => words.join("."));
  const isMatch = (of: string, name: string) => {
    const trie = new TopicTrie<true>();
    trie.add(of, true);
    return trie.match(name).length > 0;
  };
  fc.assert(
    fc.property(pattern, pattern, topic, (one, other, name) => {
      if (isMatch(one, name) && isMatch(other, name)) expect(mayOverlap(one, other)).toBe(true);
    }),
    rounds(500),
  );
});

/** Subscribes one after the other, for as long as it may. */
function subscribe(patterns: Iterable<string>): string[] {
  const taken: string[] = [];
  for (const pattern of patterns) {
    if (overlapWith(pattern, taken).isTooMuch) break;
    taken.push(pattern);
  }
  return taken;
}
const many = Array.from({ length: 100 }, (_, index) => index);

test.each([
  ["the same topic", () => "prices"],
  ["/direct", () => "/direct"],
  ["everything", () => "#"],
  ["patterns that differ but all match one topic", (index: number) => `${"*.".repeat(index % 4)}#.x`],
  [
    "every choice of * and a word",
    (index: number) => [1, 2, 4, 8, 16, 32, 64].map((bit) => (index & bit ? "*" : "a")).join("."),
  ],
])("%s is subscribed to 25 times at most", (_, pattern) => {
  expect(subscribe(many.map(pattern))).toHaveLength(overlapsMax);
});

test.each([
  ["a hundred topics and all of them", [...many.map((index) => `topic.${index}`), "#"]],
  ["all topics and a hundred of them", ["#", ...many.map((index) => `topic.${index}`)]],
  [
    "the topics of a hundred users, some wide patterns among them",
    ["#", "user.#", ...many.map((index) => `user.${index}.#`), "*.*.#"],
  ],
])("%s may be subscribed to", (_, patterns) => {
  expect(subscribe(patterns)).toEqual(patterns);
});

test("no message goes to more of a client's subscriptions, whatever they are", () => {
  const word = fc.constantFrom("a", "*", "#");
  const pattern = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join("."));
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 40, maxLength: 60 }), (patterns) => {
      const trie = new TopicTrie<number>();
      for (const [index, each] of subscribe(patterns).entries()) trie.add(each, index);
      for (const topic of ["", "a", "a.a", "a.a.a"])
        expect(trie.match(topic).length).toBeLessThanOrEqual(overlapsMax);
    }),
    rounds(200),
  );
});

test("what is long to compare is paid for, and what tells itself from all others at once is not", () => {
  const alike = many.map((index) => `${"a.".repeat(15)}${"*.".repeat(16)}${index}`);
  expect(overlapWith("#", alike.slice(1))).toEqual({ isTooMuch: false, messages: (99 * 98) / 2 / 100 });
  expect(overlapWith("b.#", alike)).toEqual({ isTooMuch: false, messages: 0 });
  expect(
    overlapWith(
      "topic.200",
      many.map((index) => `topic.${index}`),
    ),
  ).toEqual({ isTooMuch: false, messages: 0 });
});
