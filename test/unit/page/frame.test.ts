import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { oncePerFrame } from "../../../static/view/frame.ts";

const frames: (() => void)[] = [];
const surroundings = globalThis as { requestAnimationFrame?: (run: () => void) => void };

beforeEach(() => {
  frames.length = 0;
  surroundings.requestAnimationFrame = (run) => void frames.push(run);
  jest.useFakeTimers();
});
afterEach(() => {
  delete surroundings.requestAnimationFrame;
  jest.useRealTimers();
});

/** The browser draws. */
function frame(): void {
  for (const run of frames.splice(0)) run();
}

test("however often it is asked to, the page draws once a frame", () => {
  let drawn = 0;
  const redraw = oncePerFrame(
    () => void drawn++,
    () => 0,
  );
  for (let count = 0; count < 100; count++) redraw();
  expect([frames.length, drawn]).toEqual([1, 0]);
  frame();
  expect(drawn).toBe(1);
  redraw();
  frame();
  expect(drawn).toBe(2);
});

test("in a flood it rests between two frames, and then draws what came meanwhile", () => {
  let drawn = 0;
  const redraw = oncePerFrame(
    () => void drawn++,
    () => 60_000,
  );
  redraw();
  frame();
  redraw();
  redraw();
  expect(frames).toEqual([]);
  jest.advanceTimersByTime(60_000);
  frame();
  expect(drawn).toBe(2);
});
