import { expect, test } from "bun:test";
import { Settling } from "../../../../src/gateway/http/settling.ts";
import { LoopTime } from "../../../../src/ops/loop-time.ts";
import { turn } from "../../doubles/turn.ts";

test("requests that one confirm is for are answered in several turns of the event loop, in order", async () => {
  const settling = new Settling(new LoopTime());
  const answered: number[] = [];
  for (let number = 0; number < 120; number++) settling.add(() => answered.push(number));
  expect(answered).toEqual([]);
  for (const sum of [50, 100, 120, 120]) {
    await turn();
    expect(answered).toHaveLength(sum);
  }
  settling.add(() => answered.push(120));
  await turn();
  expect(answered).toEqual(Array.from({ length: 121 }, (_, number) => number));
});
