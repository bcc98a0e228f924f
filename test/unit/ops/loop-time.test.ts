import { expect, test } from "bun:test";
import { LoopTime, type Task } from "../../../src/ops/loop-time.ts";
import { turn } from "../doubles/turn.ts";

/** Tasks with much to do, each of which does it in pieces of some milliseconds, and a clock that only goes on while they do. */
function work(count: number, pieceMs: number) {
  const clock = { ms: 0 };
  const loop = new LoopTime(() => clock.ms);
  const pieces = new Array<number>(count).fill(0);
  const tasks = pieces.map((_, index): Task => {
    const task: Task = {
      run(untilMs) {
        do {
          clock.ms += pieceMs;
          pieces[index]!++;
        } while (clock.ms < untilMs);
        loop.ask(task);
      },
    };
    return task;
  });
  for (const task of tasks) loop.ask(task);
  return { clock, loop, pieces, tasks };
}

test("a turn of the event loop is no longer for many kinds of costly work than for one", async () => {
  for (const count of [1, 2, 7, 40]) {
    const { clock, loop, tasks } = work(count, 0.25);
    for (let turns = 0; turns < 20; turns++) {
      const beganMs = clock.ms;
      await turn();
      expect(clock.ms - beganMs).toBeGreaterThanOrEqual(5);
      expect(clock.ms - beganMs).toBeLessThanOrEqual(5.5);
    }
    for (const task of tasks) loop.forget(task);
  }
});

test("all kinds go on, and each gets as much as the others", async () => {
  const { loop, pieces, tasks } = work(10, 0.25);
  for (let turns = 0; turns < 100; turns++) await turn();
  for (const count of pieces) {
    expect(count).toBeGreaterThan(180);
    expect(count).toBeLessThan(220);
  }
  for (const task of tasks) loop.forget(task);
});

test("one that takes too long at a time does not keep the others from their turns", async () => {
  const { clock, loop, pieces, tasks } = work(4, 0.25);
  const slow: Task = {
    run() {
      clock.ms += 30;
      loop.ask(slow);
    },
  };
  loop.ask(slow);
  for (let turns = 0; turns < 50; turns++) await turn();
  for (const count of pieces) expect(count).toBeGreaterThan(60);
  for (const task of [...tasks, slow]) loop.forget(task);
});

test("what comes is obeyed at once for some milliseconds of a turn, whatever comes, and in the next one again", async () => {
  const { clock, loop } = work(0, 0);
  const { turn: first } = loop;
  const untilMs = loop.begin();
  expect(untilMs).toBe(4);
  clock.ms += 3;
  expect(loop.begin()).toBe(untilMs);
  await turn();
  expect(loop.turn).not.toBe(first);
  expect(loop.begin()).toBe(7);
  await turn();
});

test("what was done earlier in a turn leaves less time for the rest of it, but some for each", async () => {
  const { clock, loop, tasks } = work(2, 0.25);
  expect(loop.share(5)).toBe(5);
  clock.ms += 5;
  expect(loop.begin()).toBe(9);
  clock.ms += 3;
  expect(loop.share(5)).toBe(12);
  // The core was somebody else's for long.
  clock.ms += 30;
  expect(loop.share(5)).toBe(40);
  await turn();
  expect(clock.ms).toBe(40);
  expect(loop.share(5)).toBe(45);
  for (const task of tasks) loop.forget(task);
  await turn();
});

test("where nothing else is to be done, a turn is over when its time is, and the next one has all of it again", () => {
  const clock = { ms: 0 };
  const loop = new LoopTime(() => clock.ms);
  expect(loop.share(5)).toBe(5);
  clock.ms = 9;
  expect(loop.share(5)).toBe(12);
  clock.ms = 12;
  expect(loop.share(5)).toBe(17);
});

test("a task that asks when nothing was done for long has all of its time", async () => {
  const clock = { ms: 0 };
  const loop = new LoopTime(() => clock.ms);
  expect(loop.share(5)).toBe(5);
  clock.ms = 1000;
  const times: number[] = [];
  loop.ask({ run: (untilMs) => void times.push(untilMs) });
  await turn();
  expect(times).toEqual([1005]);
});

test("a task that is forgotten gets no turn, and nothing is left to do when nobody asks any more", async () => {
  const runs: string[] = [];
  const loop = new LoopTime();
  const [kept, gone] = ["kept", "gone"].map((name): Task => ({ run: () => void runs.push(name) }));
  loop.ask(kept!);
  loop.ask(gone!);
  loop.ask(kept!);
  loop.forget(gone!);
  await turn();
  const { turn: after } = loop;
  await turn();
  expect(runs).toEqual(["kept"]);
  expect(loop.turn).toBe(after);
});
