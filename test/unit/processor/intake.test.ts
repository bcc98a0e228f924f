import { describe, expect, test } from "bun:test";
import type { ConsumeSession } from "../../../src/broker/broker.ts";
import { Intake, shareOf } from "../../../src/processor/intake.ts";
import { envelopeOf } from "../../contract/recorders.ts";

function intakeOf(prefetch: number, prefetchBytes = 1024 ** 3) {
  const taken: number[] = [];
  const session: ConsumeSession = {
    ack: () => undefined,
    take: (count) => void taken.push(count),
    stop: () => undefined,
  };
  const lanes = { backlog: 0 };
  const intake = new Intake(session, { prefetch, prefetchBytes }, lanes);
  let tag = 0;
  const costs: number[] = [];
  return {
    taken,
    lanes,
    intake,
    /** So many deliveries of a size, which wait in the backlog of a lane if they do. */
    deliver(count: number, { bytes = 1, inBacklog = false } = {}) {
      for (let left = count; left > 0; left--) {
        costs[++tag] = intake.delivered(tag, envelopeOf("x".repeat(bytes)), 1);
        if (inBacklog) lanes.backlog++;
        intake.balance();
      }
    },
    done(number: number) {
      intake.done(number, costs[number]!);
    },
  };
}

describe("more is taken", () => {
  test("when all granted messages wait in a backlog, for clients that are not in it", () => {
    const { taken, deliver } = intakeOf(100);
    deliver(10);
    deliver(89, { inBacklog: true });
    expect(taken).toEqual([]);
    deliver(1, { inBacklog: true });
    expect(taken).toEqual([90]);
    deliver(89, { inBacklog: true });
    expect(taken).toEqual([90]);
    deliver(1, { inBacklog: true });
    expect(taken).toEqual([90, 90]);
  });

  test("when enough of what is in no backlog is done", () => {
    const { taken, deliver, done } = intakeOf(100);
    deliver(40, { inBacklog: true });
    deliver(60);
    for (let tag = 41; tag < 51; tag++) done(tag);
    expect(taken).toEqual([]);
    deliver(10, { inBacklog: true });
    expect(taken).toEqual([50]);
  });

  test("not while as much as the prefetch allows is under way", () => {
    const { taken, deliver } = intakeOf(100);
    deliver(100);
    expect(taken).toEqual([]);
  });

  test("never with a prefetch of one", () => {
    const { taken, deliver } = intakeOf(1);
    expect(shareOf(1)).toBe(1);
    deliver(1);
    expect(taken).toEqual([]);
  });
});

describe("bytes", () => {
  test("beyond the cap end the taking, which goes on when an eighth of them is free", () => {
    const { taken, deliver, done, intake } = intakeOf(100, 100_000);
    deliver(9, { bytes: 10_000 });
    expect(taken).toEqual([]);
    deliver(1, { bytes: 10_000 });
    expect(taken).toEqual([0]);
    // What was on its way.
    deliver(2, { bytes: 10_000 });
    for (let tag = 1; tag <= 4; tag++) done(tag);
    expect(taken).toEqual([0]);
    done(5);
    expect(taken.length).toBe(2);
    expect(intake.bytes).toBeLessThan(100_000);
  });

  test("decide how much is taken after that: no more than there is room for of the largest", () => {
    const { taken, deliver, done } = intakeOf(100, 100_000);
    deliver(12, { bytes: 10_000 });
    for (let tag = 1; tag <= 12; tag++) done(tag);
    // Each costs some 11,000, and seven of them are left when there is room again.
    expect(taken[1]).toBe(2);
  });

  test("count what a message costs besides its body, so that empty ones are bounded too", () => {
    const { taken, deliver } = intakeOf(2000, 1024 ** 2);
    deliver(1100, { bytes: 0 });
    expect(taken).toEqual([0]);
  });
});

describe("deliveries are scarce", () => {
  test("while half of what was granted is held", () => {
    const { intake, deliver, done } = intakeOf(10);
    deliver(4);
    expect(intake.isScarce).toBe(false);
    deliver(1);
    expect(intake.isScarce).toBe(true);
    done(1);
    expect(intake.isScarce).toBe(false);
  });

  test("while half of the bytes are held", () => {
    const { intake, deliver, done } = intakeOf(1000, 100_000);
    deliver(1, { bytes: 60_000 });
    expect(intake.isScarce).toBe(true);
    done(1);
    expect(intake.isScarce).toBe(false);
  });

  test("while one is granted at a time and held", () => {
    const { intake, deliver } = intakeOf(1);
    deliver(1);
    expect(intake.isScarce).toBe(true);
  });
});
