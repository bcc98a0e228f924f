import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { PacedLines } from "../../../src/ops/paced-lines.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test("of each kind there is one line at once, then at most one a second, with how many there were", () => {
  const logger = new RecordingLogger();
  const lines = new PacedLines(logger, { slow: "too slow", flood: "too much" });
  const said = () => logger.lines.splice(0).map(({ message, fields }) => [message, fields]);
  lines.say("slow", { client: "a" });
  lines.say("flood", { client: "b" });
  expect(said()).toEqual([
    ["too slow", { client: "a" }],
    ["too much", { client: "b" }],
  ]);
  for (const client of ["c", "d", "e"]) lines.say("slow", { client });
  expect(said()).toEqual([]);
  jest.advanceTimersByTime(1000);
  expect(said()).toEqual([["too slow", { client: "e", count: 3 }]]);
  lines.say("slow", { client: "f" });
  expect(said()).toEqual([]);
  jest.advanceTimersByTime(1000);
  expect(said()).toEqual([["too slow", { client: "f" }]]);
  jest.advanceTimersByTime(5000);
  lines.say("slow", { client: "g" });
  expect(said()).toEqual([["too slow", { client: "g" }]]);
  lines.say("slow", { client: "h" });
  lines.close();
  expect(said()).toEqual([["too slow", { client: "h" }]]);
  expect(jest.getTimerCount()).toBe(0);
});
