import { expect, test } from "bun:test";
import fc from "fast-check";
import { listedTopics } from "../../../src/control/listed-topics.ts";
import { rounds } from "../doubles/rounds.ts";

test("those with the most subscribers are listed, no more than may be, and the others are counted", () => {
  const subscribers = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 });
  fc.assert(
    fc.property(subscribers, fc.integer({ min: 1, max: 10 }), (counts, max) => {
      const all = counts.map((count, index) => [`t${index}`, count] as const);
      const { topics, others } = listedTopics(all, max);
      const most = [...counts].sort((one, other) => other - one).slice(0, max);
      expect(topics.map(([, count]) => count).sort((one, other) => other - one)).toEqual(most);
      expect(new Set(topics).size).toBe(topics.length);
      expect(topics.length + others).toBe(all.length);
    }),
    rounds(),
  );
});
