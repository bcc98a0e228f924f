import { afterEach, describe, expect, jest, test } from "bun:test";
import fc from "fast-check";
import { type LaneLimits, Lanes } from "../../../src/processor/lanes.ts";
import { rounds } from "../doubles/rounds.ts";
import { turn } from "../doubles/turn.ts";

const lanesOf = (concurrency: number, limits: Partial<LaneLimits> = {}) =>
  new Lanes({ concurrency, outlivingMax: 0, share: 2, keepMs: 1000, turnMs: 60_000, ...limits });

/** Tasks that take until they are told to end, and what began in which order. */
class Workshop {
  readonly began: string[] = [];
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();

  task(name: string): () => Promise<void> {
    return () => {
      this.began.push(name);
      const end = Promise.withResolvers<void>();
      this.#ends.set(name, end);
      return end.promise;
    };
  }

  get running(): readonly string[] {
    return [...this.#ends.keys()];
  }

  /** Waits until what the end sets off has begun. */
  async end(name: string, how: "resolve" | "reject" = "resolve"): Promise<void> {
    const end = this.#ends.get(name)!;
    this.#ends.delete(name);
    if (how === "resolve") end.resolve();
    else end.reject(new Error("a task that breaks its promise"));
    await turn();
  }
}

describe("one lane", () => {
  test("runs its tasks one after another, in order", async () => {
    const lanes = lanesOf(10);
    const { began, end } = bound(new Workshop(), lanes, ["a1", "a2", "a3"]);
    expect(began).toEqual(["a1"]);
    await end("a1");
    expect(began).toEqual(["a1", "a2"]);
    await end("a2");
    await end("a3");
    expect(began).toEqual(["a1", "a2", "a3"]);
    expect(lanes.running).toBe(0);
  });

  test("goes on after a task that rejects", async () => {
    const { began, end } = bound(new Workshop(), lanesOf(1), ["a1", "a2"]);
    await end("a1", "reject");
    expect(began).toEqual(["a1", "a2"]);
  });

  test("begins anew after it was idle", async () => {
    const lanes = lanesOf(1);
    const workshop = new Workshop();
    for (const name of ["a1", "a2", "a3"]) {
      lanes.submit("a", workshop.task(name));
      await workshop.end(name);
    }
    expect(workshop.began).toEqual(["a1", "a2", "a3"]);
  });
});

describe("a task that pauses", () => {
  test("lets other lanes have its place, and its own lane waits", async () => {
    const lanes = lanesOf(1);
    const began: string[] = [];
    const over = Promise.withResolvers<void>();
    lanes.submit("a", async ({ pause }) => {
      began.push("a1");
      await pause(20);
      began.push("a1 again");
      over.resolve();
    });
    lanes.submit("a", () => void began.push("a2"));
    lanes.submit("b", () => void began.push("b1"));
    await turn();
    expect(began).toEqual(["a1", "b1"]);
    expect(lanes.running).toBe(1);
    await over.promise;
    await turn();
    expect(began).toEqual(["a1", "b1", "a1 again", "a2"]);
    expect(lanes.running).toBe(0);
  });

  test("goes on only when there is a place, before what has not begun", async () => {
    const lanes = lanesOf(1);
    const workshop = new Workshop();
    const paused = Promise.withResolvers<void>();
    lanes.submit("a", async ({ pause }) => {
      await pause(1);
      workshop.began.push("a1 again");
      paused.resolve();
    });
    lanes.submit("b", workshop.task("b1"));
    lanes.submit("c", workshop.task("c1"));
    await Bun.sleep(20);
    expect(workshop.began).toEqual(["b1"]);
    await workshop.end("b1");
    await paused.promise;
    await turn();
    expect(workshop.began).toEqual(["b1", "a1 again", "c1"]);
  });
});

describe("several lanes", () => {
  test("run side by side, up to the concurrency", async () => {
    const lanes = lanesOf(2);
    const { began, end } = bound(new Workshop(), lanes, ["a1", "b1", "c1", "d1"]);
    expect(began).toEqual(["a1", "b1"]);
    expect(lanes.running).toBe(2);
    await end("b1");
    expect(began).toEqual(["a1", "b1", "c1"]);
  });

  test("take turns: one with much to do does not keep its place", async () => {
    const { began, end } = bound(new Workshop(), lanesOf(1), ["a1", "a2", "a3", "b1", "b2", "c1"]);
    for (const name of ["a1", "b1", "c1", "a2", "b2", "a3"]) {
      expect(began.at(-1)).toBe(name);
      await end(name);
    }
    expect(began).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
  });

  test("that hang hold up no others, as long as there are places", async () => {
    const { began, end } = bound(new Workshop(), lanesOf(2), ["stuck1", "stuck2", "b1", "b2", "c1"]);
    await end("b1");
    await end("c1");
    await end("b2");
    expect(began).toEqual(["stuck1", "b1", "c1", "b2"]);
  });
});

describe("a task that returns no promise", () => {
  test("is done when submit returns, takes no place, and costs no promise", () => {
    const lanes = lanesOf(1);
    const done: number[] = [];
    for (let i = 0; i < 1000; i++) {
      lanes.submit(`lane ${i % 7}`, () => {
        done.push(i);
      });
      expect(lanes.running).toBe(0);
    }
    expect(done).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  });

  test("waits behind one of its lane that does", async () => {
    const lanes = lanesOf(2);
    const workshop = new Workshop();
    const log = workshop.began;
    lanes.submit("a", workshop.task("a1"));
    lanes.submit("a", () => void log.push("a2"));
    lanes.submit("b", () => void log.push("b1"));
    expect(log).toEqual(["a1", "b1"]);
    await workshop.end("a1");
    expect(log).toEqual(["a1", "b1", "a2"]);
  });

  test("waits for a place while all are taken, and many of them are done at once then", async () => {
    const lanes = lanesOf(1);
    const workshop = new Workshop();
    const log = workshop.began;
    lanes.submit("a", workshop.task("a1"));
    for (const name of ["b1", "b2", "c1"]) lanes.submit(name[0]!, () => void log.push(name));
    expect(log).toEqual(["a1"]);
    await workshop.end("a1");
    expect(log).toEqual(["a1", "b1", "b2", "c1"]);
    expect(lanes.running).toBe(0);
  });
});

describe("tasks that occupy the event loop", () => {
  const occupy = () => {
    const until = performance.now() + 2;
    while (performance.now() < until);
  };

  test("have a turn's time, and then the other lanes come first", async () => {
    const lanes = lanesOf(10, { turnMs: 1 });
    const began: string[] = [];
    const task = (name: string) => () => {
      began.push(name);
      occupy();
    };
    for (const name of ["a1", "a2", "a3", "a4", "b1", "c1"]) lanes.submit(name[0]!, task(name));
    expect(began).toEqual(["a1"]);
    for (let turns = 0; began.length < 6 && turns < 100; turns++) await turn();
    expect(began).toEqual(["a1", "a2", "b1", "c1", "a3", "a4"]);
    expect(lanes.running).toBe(0);
    expect(lanes.backlog).toBe(0);
  });
});

describe("a lane's backlog", () => {
  test("is what waits in it beyond its share", async () => {
    const lanes = lanesOf(10, { share: 2 });
    const { end } = bound(new Workshop(), lanes, ["a1", "a2", "a3", "a4", "a5", "b1", "b2"]);
    expect(lanes.backlog).toBe(2);
    await end("a1");
    expect(lanes.backlog).toBe(1);
    await end("a2");
    await end("a3");
    expect(lanes.backlog).toBe(0);
  });

  test("is gone when what waits is abandoned", () => {
    const lanes = lanesOf(10, { share: 1 });
    bound(new Workshop(), lanes, ["a1", "a2", "a3", "a4"]);
    expect(lanes.backlog).toBe(2);
    lanes.abandonWaiting();
    expect(lanes.backlog).toBe(0);
  });
});

describe("what outlives its task", () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test("goes on beside the others up to a number, and takes a place beyond it until it has ended", async () => {
    const lanes = lanesOf(2, { outlivingMax: 3 });
    const began: string[] = [];
    const ends = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    for (const { promise } of ends.slice(0, 3)) {
      lanes.submit("a", async ({ keepUntil }) => keepUntil(promise));
      await turn();
    }
    const begin = (name: string) =>
      lanes.submit(name, () => {
        began.push(name);
        return new Promise(() => undefined);
      });
    begin("b");
    lanes.submit("a", async ({ keepUntil }) => keepUntil(ends[3]!.promise));
    await turn();
    begin("c");
    expect(began).toEqual(["b"]);
    ends[0]!.resolve();
    await turn();
    expect(began).toEqual(["b", "c"]);
    lanes.close();
  });

  test("takes a place where none may go on beside the others, however its task ends", async () => {
    const lanes = lanesOf(2);
    const zombie = Promise.withResolvers<void>();
    const began: string[] = [];
    lanes.submit("a", async ({ keepUntil }) => keepUntil(zombie.promise));
    await turn();
    for (const name of ["b", "c"])
      lanes.submit(name, () => {
        began.push(name);
        return new Promise(() => undefined);
      });
    expect(began).toEqual(["b"]);
    zombie.reject(new Error("late"));
    await turn();
    expect(began).toEqual(["b", "c"]);
    lanes.close();
  });

  test("does not count any more when that takes too long, and both are told", async () => {
    jest.useFakeTimers();
    const lanes = lanesOf(1, { keepMs: 500 });
    const told: unknown[] = [];
    lanes.onOutliving = (outliving, why) => told.push([outliving, why]);
    lanes.submit("a", async ({ keepUntil }) => keepUntil(new Promise(() => undefined)));
    for (let i = 0; i < 5; i++) await Promise.resolve();
    const began: string[] = [];
    lanes.submit("b", () => void began.push("b"));
    jest.advanceTimersByTime(499);
    expect(began).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(began).toEqual(["b"]);
    expect(told).toEqual([
      [1, "begins"],
      [0, "given up"],
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("abandoning what waits", () => {
  test("begins none of it, and lets what has begun end", async () => {
    const lanes = lanesOf(1);
    const { began, end } = bound(new Workshop(), lanes, ["a1", "a2", "b1", "b2"]);
    lanes.abandonWaiting();
    expect(lanes.running).toBe(1);
    await end("a1");
    expect(began).toEqual(["a1"]);
    expect(lanes.running).toBe(0);
  });

  test("does not hold up what is submitted afterwards", async () => {
    const lanes = lanesOf(1);
    const workshop = new Workshop();
    for (const name of ["a1", "a2", "b1"]) lanes.submit(name[0]!, workshop.task(name));
    lanes.abandonWaiting();
    for (const name of ["a3", "b2"]) lanes.submit(name[0]!, workshop.task(name));
    expect(workshop.began).toEqual(["a1"]);
    await workshop.end("a1");
    await workshop.end(workshop.running[0]!);
    await workshop.end(workshop.running[0]!);
    expect(workshop.began.toSorted()).toEqual(["a1", "a3", "b2"]);
  });
});

type Step =
  | { readonly do: "submit"; readonly lane: string; readonly kind: "sync" | "async" }
  | { readonly do: "end"; readonly at: number; readonly how: "resolve" | "reject" }
  | { readonly do: "abandon" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("submit" as const),
      lane: fc.constantFrom("a", "b", "c", "d", "e"),
      kind: fc.constantFrom("sync" as const, "async" as const, "async" as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      at: fc.nat(10),
      how: fc.constantFrom("resolve" as const, "reject" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("abandon" as const) }) },
);

test("keeps every lane's order, the concurrency, and no place empty, whatever ends when", async () => {
  const scenario = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.array(step, { maxLength: 60, size: "max" }),
    async (concurrency, steps) => {
      const lanes = lanesOf(concurrency);
      const workshop = new Workshop();
      /** Tasks that have not begun. */
      const waiting = new Map<string, string[]>();
      let made = 0;
      const begins = (lane: string, name: string) => {
        expect(waiting.get(lane)?.shift()).toBe(name);
        expect(workshop.running.some((running) => running[0] === lane)).toBe(false);
      };
      for (const next of steps) {
        if (next.do === "submit") {
          const { lane, kind } = next;
          const name = `${lane}${++made}`;
          waiting.set(lane, [...(waiting.get(lane) ?? []), name]);
          const begin = workshop.task(name);
          lanes.submit(lane, () => {
            begins(lane, name);
            return kind === "async" ? begin() : undefined;
          });
        } else if (next.do === "end") {
          const { running } = workshop;
          if (running.length > 0) await workshop.end(running[next.at % running.length]!, next.how);
        } else {
          lanes.abandonWaiting();
          waiting.clear();
        }
        expect(lanes.running).toBe(workshop.running.length);
        expect(lanes.running).toBeLessThanOrEqual(concurrency);
        for (const [lane, names] of waiting) {
          const isRunning = workshop.running.some((running) => running[0] === lane);
          if (names.length > 0 && !isRunning) expect(lanes.running).toBe(concurrency);
        }
      }
      for (let left = made; workshop.running.length > 0 && left > 0; left--) {
        await workshop.end(workshop.running[0]!);
      }
      expect([...waiting.values()].flat()).toEqual([]);
      expect(lanes.running).toBe(0);
    },
  );
  await fc.assert(scenario, rounds(200));
});

/** Submits tasks to the lanes that their names without the number say. */
function bound(workshop: Workshop, lanes: Lanes, names: readonly string[]) {
  for (const name of names) lanes.submit(name.replace(/\d+$/, ""), workshop.task(name));
  return { began: workshop.began, end: workshop.end.bind(workshop) };
}
