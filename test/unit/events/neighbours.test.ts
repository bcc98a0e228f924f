import { expect, test } from "bun:test";
import type { Heartbeat } from "../../../src/events/event.ts";
import { hearsayMax, Neighbours } from "../../../src/events/neighbours.ts";
import { beatOf, known } from "../doubles/heartbeats.ts";

test("of managers that others name few are believed in, and those that were heard are told of first", () => {
  const neighbours = new Neighbours("own");
  const madeUp = Array.from({ length: 10_000 }, (_, n) => known(`made-up-${n}`));
  neighbours.heard(beatOf("first", madeUp), 0);
  neighbours.heard(beatOf("second", madeUp.toReversed()), 0);
  neighbours.heard(beatOf("third"), 0);
  expect(neighbours.names).toHaveLength(3 + hearsayMax);
  expect(neighbours.known.slice(0, 3).map(([manager]) => manager)).toEqual(["first", "second", "third"]);
});

test("there is room again for managers that others name when those before were settled", () => {
  const neighbours = new Neighbours("own");
  const some = (from: number) => Array.from({ length: hearsayMax }, (_, n) => known(`m-${from + n}`));
  neighbours.heard(beatOf("first", some(0)), 0);
  for (const [, [source]] of some(0)) neighbours.settled(source!);
  neighbours.heard(beatOf("first", some(hearsayMax)), 0);
  expect(neighbours.names).toEqual(["first", ...some(hearsayMax).map(([manager]) => manager)]);
});

test("a manager that does not know this one is to be told of it, once a second however often it is heard", () => {
  const neighbours = new Neighbours("own");
  const isToMeet = (beat: Heartbeat, nowMs: number) => {
    neighbours.heard(beat, nowMs);
    return neighbours.isToMeet(beat, nowMs);
  };
  expect(isToMeet(beatOf("other"), 0)).toBe(true);
  expect(isToMeet(beatOf("other"), 999)).toBe(false);
  expect(isToMeet(beatOf("other"), 1000)).toBe(true);
  expect(isToMeet(beatOf("other", [known("own")]), 5000)).toBe(false);
  expect(isToMeet(beatOf("own"), 5000)).toBe(false);
});
