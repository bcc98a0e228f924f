import { expect, test } from "bun:test";
import fc from "fast-check";
import { Places } from "../../../../src/gateway/durable/places.ts";
import { TopicSearch } from "../../../../src/gateway/durable/topic-search.ts";
import type { Position } from "../../../../src/log/position.ts";
import { TopicTrie } from "../../../../src/topics/topic-trie.ts";
import { rounds } from "../../doubles/rounds.ts";

const patterns = ["a.*", "*.b", "#", "a.#", "c.d.e"];
const word = fc.constantFrom("a", "b", "c", "d");
const topic = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join("."));

function matches(pattern: string, topic: string): boolean {
  const trie = new TopicTrie<true>();
  trie.add(pattern, true);
  return trie.match(topic).length > 0;
}

test("the topics that patterns match are found, those too that are written to between two parts", () => {
  fc.assert(
    fc.property(
      fc.array(topic),
      fc.array(fc.array(topic, { maxLength: 5 }), { maxLength: 8 }),
      (first, later) => {
        const topics = new Map(first.map((each) => [each, 1]));
        const search = new TopicSearch(patterns, topics.keys(), 100);
        for (const written of later) {
          search.run(0);
          for (const each of written) {
            // As a map of newest messages has it: the one that was written to last is at its end.
            topics.delete(each);
            topics.set(each, 1);
            search.saw(each);
          }
        }
        while (!search.run(0));
        for (const pattern of patterns)
          expect([...search.of(pattern)!].sort()).toEqual(
            [...topics.keys()].filter((each) => matches(pattern, each)).sort(),
          );
        expect(search.of("nobody's")).toBeUndefined();
      },
    ),
    rounds(),
  );
});

test("a part ends when its time is over, and of what matches no more is kept than may be found", () => {
  const topics = Array.from({ length: 1000 }, (_, at) => `t.${at}`);
  const search = new TopicSearch(["t.*"], topics.values(), 100);
  let parts = 1;
  while (!search.run(0)) parts++;
  expect(parts).toBeGreaterThan(20);
  expect(search.of("t.*")!.size).toBe(101);
});

test("of places in the log it is known which they are, in sixteen bytes each", () => {
  const place = fc.record({ offset: fc.integer({ min: 0, max: 20 }), index: fc.integer({ min: 0, max: 3 }) });
  const inOrder = (one: Position, other: Position) => one.offset - other.offset || one.index - other.index;
  fc.assert(
    fc.property(fc.uniqueArray(place, { selector: ({ offset, index }) => `${offset}.${index}` }), (some) => {
      const places = new Places(some.toSorted(inOrder));
      expect(places.costBytes).toBe(16 * some.length);
      for (let offset = -1; offset < 22; offset++)
        for (let index = -1; index < 5; index++)
          expect(places.has(offset, index)).toBe(
            some.some((each) => each.offset === offset && each.index === index),
          );
    }),
    rounds(),
  );
});
