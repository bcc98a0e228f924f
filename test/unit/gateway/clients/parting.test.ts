import { describe, expect, test } from "bun:test";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { partEvenly } from "../../../../src/gateway/clients/parting.ts";
import { Roster } from "../../../../src/gateway/clients/roster.ts";

/** What a client is like. Undefined where it does not matter. */
interface Habits {
  /** Whether it answers the close, and so is gone at once; otherwise it stays until its connection is given up. */
  readonly answers?: boolean;
  /** For how long something that it published is not confirmed, in milliseconds. */
  readonly settlesAfterMs?: number;
}

/** Clients, and what becomes of them: `closed` and `held` in milliseconds, by their numbers. */
class Crowd {
  readonly roster = new Roster();
  readonly closed = new Map<number, number>();
  readonly held = new Map<number, number>();
  nowMs = 0;
  readonly #sockets: ClientSocket[] = [];
  readonly #numbers = new Map<ClientSocket, number>();
  readonly #habits: readonly Habits[];

  constructor(habits: readonly Habits[]) {
    this.#habits = habits;
    for (const [n, { answers = true }] of habits.entries()) {
      const socket = {
        data: { seat: { list: 0, place: -1, isClosing: false } },
        close: (code: number) => {
          expect(code).toBe(1012);
          expect(this.closed.has(n)).toBe(false);
          this.closed.set(n, this.nowMs);
          if (answers) this.roster.delete(socket);
        },
      } as unknown as ClientSocket;
      this.#sockets.push(socket);
      this.#numbers.set(socket, n);
      this.roster.add(socket);
    }
  }

  /** Its connection ends by itself. */
  lose(n: number): void {
    this.roster.delete(this.#sockets[n]!);
  }

  /** @param afterPause called each time that a while has passed */
  async part(overMs: number, afterPause: () => void = () => undefined): Promise<void> {
    const numberOf = (socket: ClientSocket) => this.#numbers.get(socket)!;
    const parts = {
      clients: this.roster,
      holds: {
        hold: (socket: ClientSocket, reason: string) => {
          expect(reason).toBe("leaving");
          const n = numberOf(socket);
          if (!this.held.has(n)) this.held.set(n, this.nowMs);
        },
        resumeForClose: ({ data }: ClientSocket) => {
          expect(data.seat.isClosing).toBe(false);
          data.seat.isClosing = true;
        },
      },
      isSettled: (socket: ClientSocket) =>
        this.nowMs >= (this.#habits[numberOf(socket)]!.settlesAfterMs ?? 0),
    };
    await partEvenly(parts, overMs, (ms) => {
      this.nowMs += ms;
      afterPause();
      return Promise.resolve();
    });
  }
}

const alike = (size: number, habits: Habits = {}) => Array.from({ length: size }, () => habits);

/** How many were closed in each step. */
async function parted(habits: readonly Habits[], overMs: number) {
  const crowd = new Crowd(habits);
  await crowd.part(overMs);
  const steps = new Map<number, number>();
  for (const atMs of crowd.closed.values()) steps.set(atMs, (steps.get(atMs) ?? 0) + 1);
  const times = [...crowd.closed.values()];
  return { steps: [...steps.values()], times, tookMs: crowd.nowMs, closed: crowd.closed.size };
}

describe("Clients that leave over a time", () => {
  test("go as many in each tenth of a second, each once", async () => {
    const { steps, tookMs, closed } = await parted(alike(3000), 30_000);
    expect(closed).toBe(3000);
    expect(Math.max(...steps)).toBe(10);
    expect(Math.min(...steps)).toBe(10);
    expect(tookMs).toBeCloseTo(29_900);
  });

  test("go no faster where many of them do not answer the close", async () => {
    const habits = Array.from({ length: 3000 }, (_, n) => ({ answers: n % 3 === 0 }));
    const { steps, closed } = await parted(habits, 30_000);
    expect(closed).toBe(3000);
    expect(Math.max(...steps)).toBe(10);
  });

  test("take all of that time, also where they are fewer than its tenths of a second", async () => {
    const few = await parted(alike(5), 60_000);
    expect(few.steps).toEqual([1, 1, 1, 1, 1]);
    expect(few.times.map((ms) => Math.round(ms / 1000))).toEqual([0, 13, 27, 40, 53]);
    const more = await parted(alike(700), 60_000);
    expect(more.closed).toBe(700);
    expect(more.tookMs).toBeGreaterThan(59_000);
    expect(more.times.filter((ms) => ms < 30_000).length).toBeCloseTo(350, -1);
  });

  test("are not waited for when all of them were asked", async () => {
    const { closed, tookMs } = await parted(alike(2, { answers: false }), 10_000);
    expect(closed).toBe(2);
    expect(tookMs).toBeLessThanOrEqual(10_000);
    expect((await parted(alike(1, { answers: false }), 10_000)).tookMs).toBeLessThan(300);
  });

  test("all go at once where no time is given", async () => {
    expect((await parted(alike(7), 0)).steps).toEqual([7]);
  });
});

describe("A client that leaves", () => {
  test("does so when what it has published is confirmed, and the others do not wait for that", async () => {
    const crowd = new Crowd([{ settlesAfterMs: 450 }, {}]);
    await crowd.part(200);
    expect([...crowd.closed]).toEqual([
      [1, 100],
      [0, 500],
    ]);
    expect([...crowd.held]).toEqual([]);
  });

  test("is not read from after a second in which something was always unconfirmed, and goes when nothing is", async () => {
    const crowd = new Crowd([{ settlesAfterMs: 1234 }]);
    await crowd.part(0);
    expect([...crowd.held]).toEqual([[0, 1000]]);
    expect([...crowd.closed]).toEqual([[0, 1300]]);
  });

  test("goes after five seconds whatever is unconfirmed, in its turn", async () => {
    const crowd = new Crowd(alike(20, { settlesAfterMs: Number.POSITIVE_INFINITY }));
    await crowd.part(2000);
    const times = [...crowd.closed.values()];
    expect(times.length).toBe(20);
    expect(times).toEqual(Array.from({ length: 20 }, (_, n) => 5000 + 100 * n));
  });

  test("does not go together with all others that have waited for the same confirm", async () => {
    const crowd = new Crowd(alike(300, { settlesAfterMs: 2500 }));
    await crowd.part(3000);
    const steps = new Map<number, number>();
    for (const atMs of crowd.closed.values()) steps.set(atMs, (steps.get(atMs) ?? 0) + 1);
    expect(crowd.closed.size).toBe(300);
    expect(Math.min(...steps.keys())).toBe(2500);
    // 10 would be even.
    expect(Math.max(...steps.values())).toBe(13);
    expect(crowd.nowMs).toBe(4800);
  });

  test("is not closed where its connection has ended while it was waited for", async () => {
    const crowd = new Crowd([{ settlesAfterMs: 1000 }]);
    await crowd.part(0, () => {
      if (crowd.nowMs === 300) crowd.lose(0);
    });
    expect(crowd.closed.size).toBe(0);
    expect(crowd.nowMs).toBe(300);
  });
});
