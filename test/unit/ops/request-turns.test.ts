import { expect, test } from "bun:test";
import { RequestTurns } from "../../../src/ops/request-turns.ts";
import { turn } from "../doubles/turn.ts";

test("requests are answered for some milliseconds of a turn, and those after that in the next one", async () => {
  const clock = { ms: 0 };
  const turns = new RequestTurns(2, () => clock.ms);
  expect(turns.wait()).toBeUndefined();
  clock.ms = 3.9;
  for (let more = 0; more < 100; more++) expect(turns.wait()).toBeUndefined();
  clock.ms = 4;
  const waiting = turns.wait();
  expect(waiting).toBeInstanceOf(Promise);
  await turn();
  await waiting;
  expect(turns.wait()).toBeUndefined();
});

test("some are answered in each turn however long they take", async () => {
  const clock = { ms: 0 };
  const turns = new RequestTurns(2, () => clock.ms);
  for (let each = 0; each < 3; each++) {
    expect(turns.wait()).toBeUndefined();
    clock.ms += 1000;
    expect(turns.wait()).toBeUndefined();
    expect(turns.wait()).toBeInstanceOf(Promise);
    await turn();
  }
});
