import { expect, test } from "bun:test";
import { makeFakeClock } from "../unit/doubles/fake-clock.ts";
import { Silence } from "./silence.ts";

const clock = makeFakeClock();

test("a run of which nothing is heard for too long is told of once, with what it said last", () => {
  const told: string[] = [];
  using silence = new Silence(1000, (last) => told.push(last));
  clock.step(999);
  silence.broken("the first case");
  clock.step(999);
  silence.broken("the second case");
  clock.step(999);
  expect(told).toEqual([]);
  clock.step(1);
  clock.step(5000);
  expect(told).toEqual(["the second case"]);
});

test("a run that has ended is told of no more", () => {
  const told: string[] = [];
  {
    using silence = new Silence(1000, (last) => told.push(last));
    silence.broken("the last case");
  }
  clock.step(5000);
  expect(told).toEqual([]);
});
