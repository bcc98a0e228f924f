import { expect, test } from "bun:test";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { WholeLists } from "../../../src/presence/whole-lists.ts";
import { turn } from "../doubles/turn.ts";

/** Lists that take a millisecond each. */
function toldIn(loop: LoopTime) {
  const told: string[] = [];
  const lists = new WholeLists(
    () => loop,
    (manager, topics) => {
      for (const topic of topics) {
        const untilMs = performance.now() + 1;
        while (performance.now() < untilMs);
        told.push(`${manager}:${topic}`);
      }
    },
  );
  return { lists, told };
}

test("lists are told in several turns, to one manager after another, and none that was dropped meanwhile", async () => {
  const { lists, told } = toldIn(new LoopTime());
  for (const manager of ["a", "b"]) for (let n = 0; n < 20; n++) lists.add(manager, `${n}`);
  lists.drop("a", "0");
  expect(told).toEqual([]);
  let turns = 0;
  for (; !told.includes("b:19"); turns++) {
    await turn();
    if (turns === 1) lists.drop("a", "19");
  }
  while (told.length < 38) await turn();
  expect(turns).toBeGreaterThan(3);
  expect(told).not.toContain("a:0");
  expect(told).not.toContain("a:19");
  expect(new Set(told).size).toBe(38);
  // The second manager did not wait for the end of the first one's lists.
  expect(told.indexOf("b:0")).toBeLessThan(told.indexOf("a:18"));
  lists.close();
});

test("nothing is told after it is closed", async () => {
  const { lists, told } = toldIn(new LoopTime());
  lists.add("a", "t");
  lists.close();
  await turn();
  await turn();
  expect(told).toEqual([]);
});
