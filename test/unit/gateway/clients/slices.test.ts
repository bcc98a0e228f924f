import { expect, test } from "bun:test";
import { Slices } from "../../../../src/gateway/clients/slices.ts";
import type { Task } from "../../../../src/ops/loop-time.ts";
import { turn } from "../../doubles/turn.ts";

/** A task that is busy for as long as it may be, until it has been so often. */
class Busy implements Task {
  runs = 0;
  readonly slices: Slices;
  readonly #times: number;
  readonly #onRun: (task: Busy) => void;

  constructor(slices: Slices, times: number, onRun: (task: Busy) => void = () => undefined) {
    this.slices = slices;
    this.#times = times;
    this.#onRun = onRun;
  }

  run(untilMs: number): void {
    this.runs++;
    this.#onRun(this);
    while (performance.now() < untilMs);
    if (this.runs < this.#times) this.slices.ask(this);
  }
}

test("however many have much to do, the event loop goes on after a few of them, and all get their turns", async () => {
  const slices = new Slices();
  const runs: number[] = [];
  const tasks = Array.from({ length: 50 }, (_, index) => new Busy(slices, 4, () => void runs.push(index)));
  for (const task of tasks) slices.ask(task);
  let before = 0;
  while (runs.length < 200) {
    await turn();
    // Each has half a millisecond at least, and together they have two.
    expect(runs.length - before).toBeLessThanOrEqual(5);
    before = runs.length;
  }
  expect(runs).toEqual(Array.from({ length: 200 }, (_, index) => index % 50));
  await turn();
  expect(runs).toHaveLength(200);
});

test("what is forgotten gets no turn, though it has asked for one, and nothing does after close", async () => {
  const slices = new Slices();
  const [kept, forgotten] = [new Busy(slices, 1), new Busy(slices, 1)];
  slices.ask(forgotten);
  slices.ask(kept);
  slices.forget(forgotten);
  await turn();
  expect([kept.runs, forgotten.runs]).toEqual([1, 0]);
  slices.ask(kept);
  slices.close();
  await turn();
  expect(kept.runs).toBe(1);
});
