import { describe, expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { partEvenly } from "../../../../src/gateway/clients/parting.ts";
import { Roster } from "../../../../src/gateway/clients/roster.ts";

/** Clients of which some answer the close, and so are gone at once; the others stay until their connection is given up. */
function crowd(size: number, answers: (n: number) => boolean) {
  const roster = new Roster();
  let closed = 0;
  for (let n = 0; n < size; n++) {
    const socket = {
      data: { seat: { list: 0, place: -1, isClosing: false } },
      close: (code: number) => {
        expect(code).toBe(1012);
        closed++;
        if (answers(n)) roster.delete(socket);
      },
    } as unknown as ClientSocket;
    roster.add(socket);
  }
  const holds = {
    letGo: ({ data }: ClientSocket) => {
      expect(data.seat.isClosing).toBe(false);
      data.seat.isClosing = true;
    },
  };
  return { roster, holds, closed: () => closed };
}

/** How many were closed in each step, and how long the pauses were together, in milliseconds. */
async function parted(size: number, overMs: number, answers: (n: number) => boolean) {
  const { roster, holds, closed } = crowd(size, answers);
  const steps: number[] = [];
  let pausedMs = 0;
  let before = 0;
  const step = () => {
    steps.push(closed() - before);
    before = closed();
  };
  await partEvenly(roster, holds, overMs, (ms) => {
    step();
    pausedMs += ms;
    return Promise.resolve();
  });
  step();
  return { steps, pausedMs, closed: closed() };
}

describe("Clients that leave over a time", () => {
  test("go as many in each tenth of a second, each once", async () => {
    const { steps, pausedMs, closed } = await parted(15_000, 30_000, () => true);
    expect(closed).toBe(15_000);
    expect(Math.max(...steps)).toBe(50);
    expect(Math.min(...steps)).toBe(50);
    expect(pausedMs).toBeCloseTo(29_900);
  });

  test("go no faster where many of them do not answer the close", async () => {
    const { steps, closed } = await parted(3000, 30_000, (n) => n % 3 === 0);
    expect(closed).toBe(3000);
    expect(Math.max(...steps)).toBe(10);
  });

  test("are not waited for when all of them were asked", async () => {
    const { steps, pausedMs } = await parted(2, 10_000, () => false);
    expect(steps.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(pausedMs).toBeLessThan(300);
  });

  test("all go at once where no time is given", async () => {
    expect((await parted(7, 0, () => true)).steps).toEqual([7]);
  });
});
