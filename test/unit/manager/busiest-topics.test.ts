import { expect, test } from "bun:test";
import { BusiestTopics } from "../../../src/manager/busiest-topics.ts";

function topicsOf(nowMs: () => number = () => 0) {
  const topics = new BusiestTopics(nowMs);
  const { metric } = topics;
  const shown = () => ("readEach" in metric ? [...metric.readEach()] : []);
  return { topics, shown };
}

test("a few messages are counted one by one, and the ten topics with the most are shown", () => {
  const { topics, shown } = topicsOf();
  for (let topic = 1; topic <= 20; topic++) for (let n = 0; n < topic; n++) topics.sent(`t${topic}`);
  expect(shown()).toEqual(
    [20, 19, 18, 17, 16, 15, 14, 13, 12, 11].map((topic) => [`t${topic}`, topic] as const),
  );
});

test("a busy topic is found among any number of rare ones, and no more than are counted are kept", () => {
  const { topics, shown } = topicsOf();
  for (let n = 0; n < 200_000; n++) {
    // Not in step with the sampling.
    topics.sent(n % 7 === 0 ? "busy" : `rare ${n}`);
  }
  const [first, count] = shown()[0]!;
  expect(first).toBe("busy");
  expect(count).toBeGreaterThan(20_000);
  expect(count).toBeLessThan(40_000);
  expect(shown().length).toBe(10);
});

test("what is shown is of the last one to two minutes", () => {
  let nowMs = 0;
  const { topics, shown } = topicsOf(() => nowMs);
  topics.sent("old");
  nowMs = 61_000;
  topics.sent("new");
  expect(shown()).toEqual([
    ["old", 1],
    ["new", 1],
  ]);
  nowMs = 122_000;
  expect(shown()).toEqual([["new", 1]]);
  nowMs = 500_000;
  expect(shown()).toEqual([]);
});
