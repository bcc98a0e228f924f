import { expect, test } from "bun:test";
import { Gathering } from "../../../src/presence/gathering.ts";
import { until } from "../../support/wait.ts";

test("the first change is sent at once, and the following ones are gathered and sent together", async () => {
  const told: number[] = [];
  let changes = 0;
  const gathering = new Gathering(300, () => {
    told.push(changes);
    changes = 0;
  });
  const change = () => {
    changes++;
    gathering.add();
  };
  const begunMs = performance.now();
  change();
  change();
  // Not within the call: what changes in one turn of the event loop belongs together.
  expect(told).toEqual([]);
  await until(() => told.length === 1, "the first to be told");
  for (let n = 0; n < 5; n++) change();
  await until(() => told.length === 2, "the others to be told");
  expect(told).toEqual([2, 5]);
  // A timer may be late, and is never early by more than its resolution.
  expect(performance.now() - begunMs).toBeGreaterThanOrEqual(298);
  gathering.close();
});

test("nothing is sent after it is closed", async () => {
  let count = 0;
  const gathering = new Gathering(1, () => count++);
  gathering.add();
  gathering.close();
  const { promise, resolve } = Promise.withResolvers<void>();
  const after = new Gathering(1, resolve);
  after.add();
  await promise;
  expect(count).toBe(0);
  after.close();
});
