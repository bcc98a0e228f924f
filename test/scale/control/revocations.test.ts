import { expect, test } from "bun:test";
import { revocationsMax } from "../../../src/control/revocations.ts";
import { revocationsAt } from "../../unit/doubles/revocations-at.ts";

test("no more are kept than may be, and those that are over make room", () => {
  const { clock, revocations, take } = revocationsAt(0);
  for (let n = 0; n <= revocationsMax; n++) take({ client: `c${n}`, before: 1, until: n === 5 ? 10 : 1000 });
  expect(revocations.size).toBe(revocationsMax);
  expect(revocations.isFull).toBe(true);
  clock.nowMs = 10;
  expect(revocations.isFull).toBe(false);
});
