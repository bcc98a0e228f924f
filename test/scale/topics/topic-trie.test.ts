import { expect, test } from "bun:test";
import { TopicTrie } from "../../../src/topics/topic-trie.ts";

test("hundreds of thousands belong to one pattern as few do", () => {
  const trie = new TopicTrie<number>();
  for (let value = 0; value < 300_000; value++) trie.add("a.#", value);
  expect(trie.match("a.b")).toHaveLength(300_000);
});
