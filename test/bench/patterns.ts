/** What a message to a topic without a cached route costs beside hostile subscriptions: `bun test/bench/patterns.ts`. */

import { middleWordsMax } from "../../src/topics/pattern.ts";
import { TopicTrie } from "../../src/topics/topic-trie.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { median } from "./samples.ts";

const rounds = 7;
/** As many words as fit into 255 bytes. */
const topic = `${Array(63).fill("a").join(".")}.b.${Array(63).fill("a").join(".")}`;
const random = new SeededRandom(20_100);

const patterns: Record<string, (index: number) => string> = {
  "# anywhere among many words": () => {
    let wildcards = 0;
    const between = Array.from({ length: middleWordsMax + 13 }, (_, place) =>
      (random.next() < 0.6 || place < 2) && ++wildcards <= 13 ? "#" : "a",
    );
    return ["a.#", ...between.slice(0, middleWordsMax * 2), "#.a"].join(".");
  },
  "a long run that is nowhere": (index) => `#.a.a.a.a.a.a.a.${index % 2 === 0 ? "b" : "a.c"}.#.x${index}.#`,
  "a run that is nearly everywhere": (index) => `#.a.*.a.*.a.*.a.b.#${".*".repeat(index % 8)}.#.a`,
  "every choice of * and a word": (index) =>
    Array.from({ length: 16 }, (_, bit) => ((index >> bit) & 1 ? "*" : "a")).join("."),
  "user.N.#, as honest clients have": (index) => `user.${index}.#`,
};

for (const [what, pattern] of Object.entries(patterns)) {
  for (const count of [100, 1000, 10_000]) {
    const trie = new TopicTrie<number>();
    for (let index = 0; index < count; index++) trie.add(pattern(index), index);
    const samples = Array.from({ length: rounds }, () => {
      const start = performance.now();
      trie.match(topic);
      return performance.now() - start;
    });
    const line = `${what.padEnd(34)} ${String(count).padStart(6)} patterns  ${median(samples)!.toFixed(3).padStart(8)} ms a match\n`;
    process.stdout.write(line);
  }
}
