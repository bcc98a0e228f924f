import { afterEach, beforeEach, expect, test } from "bun:test";
import { KnownReturns } from "../../../src/processor/known-returns.ts";
import { Stalls } from "../../../src/processor/stalls.ts";
import { makeFakeClock } from "../doubles/fake-clock.ts";
import { RecordingLogger } from "../doubles/recording-logger.ts";

const clock = makeFakeClock();
let logger: RecordingLogger;
let stalls: Stalls;
beforeEach(() => {
  logger = new RecordingLogger();
  stalls = new Stalls();
});
afterEach(() => stalls.close());

function knowing(idsMax = 10): KnownReturns {
  return new KnownReturns(idsMax, logger, stalls);
}

test("what a lost session of this process held came back for that, and not for a death", () => {
  const known = knowing();
  expect(known.unexplained("a", 2)).toBe(2);
  known.add(["a", "b", undefined]);
  known.add(["a"]);
  expect(known.unexplained("a", 3)).toBe(1);
  expect(known.unexplained("b", 3)).toBe(2);
  expect(known.unexplained("c", 3)).toBe(3);
  expect(logger.lines).toEqual([]);
});

test("a session that was lost since the event loop stood still excuses no message, and the log says what happened", () => {
  const known = knowing();
  clock.step(40_000, 1000);
  known.add(["a", "b"]);
  expect(known.unexplained("a", 1)).toBe(1);
  expect(logger.lines).toMatchObject([{ level: "warn", fields: { messagesHeld: 2 } }]);
  expect(logger.lines[0]!.fields).toMatchObject({ seconds: 39 });
});

test("a stall excuses no loss that shows soon after it, and has nothing to do with a later one", () => {
  const known = knowing();
  clock.step(40_000, 1000);
  clock.pass(20_000, 1000);
  known.add(["a"]);
  expect(known.unexplained("a", 1)).toBe(1);
  clock.pass(20_000, 1000);
  known.add(["a"]);
  expect(known.unexplained("a", 1)).toBe(0);
});

test("a message without an id cannot be distinguished from others", () => {
  const known = knowing();
  known.add([undefined]);
  expect(known.unexplained(undefined, 3)).toBe(3);
});

test("what was returned longest ago is forgotten when there is too much", () => {
  const known = knowing(2);
  known.add(["a", "b", "c"]);
  expect(["a", "b", "c"].map((id) => known.unexplained(id, 1))).toEqual([1, 0, 0]);
});
