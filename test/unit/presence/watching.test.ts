import { expect, jest, test } from "bun:test";
import { defaultPresenceTiming } from "../../../src/presence/timing.ts";
import { Watching } from "../../../src/presence/watching.ts";
import { makeFakeClock } from "../doubles/fake-clock.ts";
import { turn } from "../doubles/turn.ts";

const { step } = makeFakeClock();

/** Its clients watch topics; the only other manager says nothing. */
function silent() {
  const told: [string, object][] = [];
  const peers = {
    own: "a",
    others: ["b"],
    knows: () => true,
    isOpen: true,
    tellAll: () => undefined,
    tell: (to: string, said: object) => void told.push([to, said]),
  };
  const watching = new Watching(
    peers,
    { watch: () => undefined, unwatch: () => undefined },
    defaultPresenceTiming,
  );
  const ready: string[] = [];
  const watch = (topic: string) =>
    watching.watch(topic, {
      ready: () => void ready.push(topic),
      changed: () => undefined,
      overfull: () => undefined,
    });
  return { watching, watch, ready, told };
}

test("however many topics are watched and left, few timers and few topics are kept", () => {
  const { watching, watch } = silent();
  for (let topic = 0; topic < 5000; topic++) {
    watch(`${topic}`);
    watching.unwatch(`${topic}`);
  }
  // A hundred topics linger, each with the time that it has for that and the one that managers have to answer; and one change is told soon.
  expect(watching.topicCount).toBe(100);
  expect(jest.getTimerCount()).toBeLessThanOrEqual(201);
  step(defaultPresenceTiming.lingerMs);
  expect(watching.topicCount).toBe(0);
  expect(jest.getTimerCount()).toBeLessThanOrEqual(1);
  watching.close();
});

test("a manager that does not answer is waited for no longer than it has time for, and the timer is gone with its topic", () => {
  const { watching, watch, ready } = silent();
  watch("t");
  step(defaultPresenceTiming.answerMsMax - 1);
  expect(ready).toEqual([]);
  step(1);
  expect(ready).toEqual(["t"]);
  watching.close();
  expect(jest.getTimerCount()).toBe(0);
});

test("a manager that comes while a snapshot is put together is waited for like the others", () => {
  const { watching, watch, ready } = silent();
  const watched = watch("t");
  const whole = { topic: "t", part: 0, parts: 1, left: [] };
  watching.met("c");
  for (const manager of ["a", "b"]) watching.took(manager, { ...whole, joined: [`client of ${manager}`] });
  expect(ready).toEqual([]);
  watching.took("c", { ...whole, joined: ["client of c"] });
  expect(ready).toEqual(["t"]);
  expect(watched).toMatchObject({ count: 3, missing: [] });
  // It comes back, or another one does: what is known changes by what that one says.
  watching.met("d");
  expect(watched).toMatchObject({ missing: [] });
  watching.close();
});

test("a program that asks for the list of topics again and again, in the name of a manager, gets it once a second", async () => {
  const { watching, watch, told } = silent();
  for (let topic = 0; topic < 3; topic++) watch(`${topic}`);
  // The list has its version at the end of this turn.
  await turn();
  const ask = () => {
    for (let n = 0; n < 1000; n++) watching.heard({ from: "b", again: true });
  };
  ask();
  expect(told).toEqual([["b", { from: "a", version: 1, all: ["0", "1", "2"], part: 0, parts: 1 }]]);
  step(defaultPresenceTiming.resendEveryMs);
  ask();
  expect(told).toHaveLength(2);
  watching.close();
});
