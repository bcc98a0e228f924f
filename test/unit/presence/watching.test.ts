import { expect, jest, test } from "bun:test";
import { defaultPresenceTiming } from "../../../src/presence/timing.ts";
import { Watching } from "../../../src/presence/watching.ts";
import { makeFakeClock } from "../doubles/fake-clock.ts";

const { step } = makeFakeClock();

/** Its clients watch topics; the only other manager says nothing. */
function silent() {
  const post = {
    own: "a",
    others: ["b"],
    knows: () => true,
    isOpen: true,
    tellAll: () => undefined,
    tell: () => undefined,
  };
  const watching = new Watching(
    post,
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
  return { watching, watch, ready };
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
