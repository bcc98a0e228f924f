import { describe, expect, test } from "bun:test";
import { LoopTime } from "../../../src/ops/loop-time.ts";
import { TurnBudget } from "../../../src/ops/turn-budget.ts";
import { turn } from "../doubles/turn.ts";

/** A budget, and a clock that goes on by a millisecond with each unit of work. It counts how often it was read. */
function budgetOf(unitsMax: number, lookEach: number) {
  const clock = { ms: 0, looks: 0 };
  const now = () => {
    clock.looks++;
    return clock.ms;
  };
  const budget = new TurnBudget(new LoopTime(now), unitsMax, lookEach);
  /** Works until the budget says to pause. Returns how many units were done. */
  const work = (): number => {
    let done = 0;
    do {
      clock.ms++;
      done++;
    } while (budget.goesOn());
    return done;
  };
  return { budget, clock, work };
}

describe("A part of some work", () => {
  test("has a whole budget of units", () => {
    const { budget, work } = budgetOf(10, 4);
    budget.start();
    expect(work()).toBe(10);
    budget.start();
    expect(work()).toBe(10);
  });

  test("ends when its time is over, and reads the clock once for some units", () => {
    const { budget, clock, work } = budgetOf(1000, 16);
    budget.start(40);
    expect(work()).toBe(48);
    expect(clock.looks).toBe(3);
    expect(budget.isOver).toBe(true);
  });

  test("reads the clock as often where several units are counted at once", () => {
    const { budget, clock } = budgetOf(1000, 16);
    budget.start(40);
    let done = 0;
    do {
      clock.ms += 25;
      done++;
    } while (budget.goesOn(25));
    expect([done, clock.looks]).toEqual([2, 2]);
  });

  test("may count several units as one", () => {
    const { budget } = budgetOf(10, 1);
    budget.start();
    expect(budget.goesOn(9)).toBe(true);
    expect(budget.goesOn(0)).toBe(true);
    expect(budget.isOver).toBe(false);
    expect(budget.goesOn(1)).toBe(false);
    expect(budget.isOver).toBe(true);
  });
});

describe("What is done as it comes", () => {
  test("shares one budget in a turn of the event loop, and has another one in the next", async () => {
    const { budget } = budgetOf(3, 1);
    expect(budget.join()).toBe(true);
    expect([budget.take(), budget.take()]).toEqual([true, true]);
    expect(budget.join()).toBe(false);
    expect([budget.take(), budget.take(), budget.take()]).toEqual([true, false, false]);
    await turn();
    expect(budget.join()).toBe(true);
    expect(budget.take()).toBe(true);
  });

  test("has the time that input has in a turn, if it looks at the clock", () => {
    const { budget, work } = budgetOf(1000, 1);
    budget.join();
    expect(work()).toBe(4);
    budget.join();
    expect(budget.isOver).toBe(true);
  });
});
