import { describe, expect, test } from "bun:test";
import { leaveAsAsked, type Stop, Stops } from "../../../src/serving/stops.ts";

/** Clients that leave in no time of their own: a test says when all have left. */
function leaving(stops: Stops) {
  const over: number[] = [];
  const hurries: string[] = [];
  const left: (() => void)[] = [];
  const done = stops.first.then((first) =>
    leaveAsAsked(
      first,
      (overMs) => {
        over.push(overMs);
        const { promise, resolve } = Promise.withResolvers<void>();
        left.push(resolve);
        return promise;
      },
      ({ signal, overMs }: Stop) => void hurries.push(`${signal} ${overMs}`),
    ),
  );
  return { over, hurries, left, done };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("a process whose clients leave over an hour", () => {
  function drained() {
    const stops = new Stops();
    stops.ask("the control API", 3_600_000);
    return { stops, ...leaving(stops) };
  }

  test("stops at a SIGTERM that gives them no time", async () => {
    const { stops, done, over, hurries } = drained();
    await settled();
    stops.ask("SIGTERM", 0);
    await done;
    expect(over).toEqual([3_600_000]);
    expect(hurries).toEqual(["SIGTERM 0"]);
  });

  test("has them leave over the time of a SIGTERM that gives them some", async () => {
    const { stops, done, over, left } = drained();
    await settled();
    stops.ask("SIGTERM", 20_000);
    await settled();
    expect(over).toEqual([3_600_000, 20_000]);
    left[1]!();
    await done;
  });

  test("has them leave over the shortest time that it is asked for, however many ask", async () => {
    const { stops, done, over, hurries, left } = drained();
    for (const overMs of [7_200_000, 60_000, 600_000, 1000]) stops.ask("the control API", overMs);
    await settled();
    expect(over).toEqual([3_600_000, 60_000, 1000]);
    expect(hurries).toEqual(["the control API 60000", "the control API 1000"]);
    left[2]!();
    await done;
  });
});

test("whoever asks is told the time that clients have, which is that of the request that ends first", () => {
  const stops = new Stops();
  expect(stops.ask("the control API", 60_000)).toBe(60_000);
  const left = stops.ask("the control API", 3_600_000);
  expect(left).toBeLessThanOrEqual(60_000);
  expect(left).toBeGreaterThan(50_000);
  expect(stops.ask("the control API", 1000)).toBe(1000);
  expect(stops.ask("SIGTERM", 0)).toBe(0);
});

test("a process that is told to stop without more has nobody leave before", async () => {
  const stops = new Stops();
  stops.ask("SIGTERM", 0);
  const { done, over } = leaving(stops);
  await done;
  expect(over).toEqual([]);
});
