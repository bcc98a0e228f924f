import { beforeEach, describe, expect, test } from "bun:test";
import { Tidying } from "../../../../src/gateway/clients/tidying.ts";
import { TimerWheel } from "../../../../src/gateway/clients/timer-wheel.ts";
import { makeWheelClock } from "../../doubles/wheel-clock.ts";

const clock = makeWheelClock();

function manager() {
  const wheel = new TimerWheel();
  const clients = { size: 0 };
  const doings = { visitCount: 0, movedBytes: 0, fannedOutBytes: 0 };
  let collections = 0;
  const tidying = new Tidying(wheel, clients, doings, () => {
    collections++;
  });
  return {
    doings,
    come(count: number) {
      clients.size += count;
      doings.visitCount += count;
      tidying.joined();
    },
    go(count: number) {
      clients.size -= count;
      doings.visitCount += count;
    },
    get collections() {
      return collections;
    },
  };
}

describe("garbage that clients have caused", () => {
  let room: ReturnType<typeof manager>;

  beforeEach(() => {
    room = manager();
  });

  test("is collected once when thousands have come and are at rest", () => {
    room.come(2000);
    clock.pass(4000);
    expect(room.collections).toBe(1);
    clock.pass(60_000);
    expect(room.collections).toBe(1);
  });

  test("is collected when they have gone", () => {
    room.come(2000);
    clock.pass(4000);
    room.go(2000);
    clock.pass(4000);
    expect(room.collections).toBe(2);
  });

  test("is left to the engine while there are so many that a collection would hold up all of them", () => {
    room.come(20_000);
    clock.pass(10_000);
    expect(room.collections).toBe(0);
    room.go(15_000);
    clock.pass(4000);
    expect(room.collections).toBe(1);
  });

  test("is left to the engine while much is sent to all of them, though they send little", () => {
    room.come(2000);
    clock.pass(20_000, () => {
      room.doings.fannedOutBytes += 1024 ** 2;
    });
    expect(room.collections).toBe(0);
    clock.pass(4000);
    expect(room.collections).toBe(1);
  });

  test("is collected only after a minute while a few of them talk, who would notice it", () => {
    const talk = () => {
      room.doings.movedBytes += 10 * 64;
      room.doings.fannedOutBytes += 10 * 10 * 64;
    };
    room.come(2000);
    room.go(1990);
    clock.pass(50_000, talk);
    expect(room.collections).toBe(0);
    clock.pass(15_000, talk);
    expect(room.collections).toBe(1);
    clock.pass(120_000, talk);
    expect(room.collections).toBe(1);
  });

  test("is collected at once when the few that talked are at rest", () => {
    room.come(2000);
    clock.pass(20_000, () => {
      room.doings.movedBytes += 10 * 1024;
    });
    expect(room.collections).toBe(0);
    clock.pass(4000);
    expect(room.collections).toBe(1);
  });

  test("is left to the engine while they are busy", () => {
    room.come(1);
    clock.pass(20_000, () => {
      room.doings.movedBytes += 1024 ** 2;
    });
    expect(room.collections).toBe(0);
    clock.pass(4000);
    expect(room.collections).toBe(1);
  });

  test("is left alone while there is little of it", () => {
    room.come(100);
    room.doings.movedBytes += 1024 ** 2;
    clock.pass(60_000);
    expect(room.collections).toBe(0);
  });

  test("is watched no longer when all have gone, so that the process may sleep, and again with the next one", () => {
    room.come(1);
    room.go(1);
    clock.pass(4000);
    room.doings.movedBytes += 100 * 1024 ** 2;
    clock.pass(60_000);
    expect(room.collections).toBe(0);
    room.come(1);
    clock.pass(4000);
    expect(room.collections).toBe(1);
  });
});

test("collections take at most a hundredth of the time, however often clients flood and rest", () => {
  const doings = { visitCount: 0, movedBytes: 0, fannedOutBytes: 0 };
  let collections = 0;
  const tidying = new Tidying(new TimerWheel(), { size: 1 }, doings, () => {
    collections++;
    clock.spend(100);
  });
  for (let seconds = 0; seconds < 60; seconds++) {
    if (seconds % 2 === 0) doings.movedBytes += 100 * 1024 ** 2;
    clock.spend(1000);
    tidying.due();
  }
  expect(collections).toBe(6);
});
